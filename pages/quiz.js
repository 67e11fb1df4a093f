/* The quiz: asks about one X-ray after another, then sets the reader beside the network. All text goes
   into the page as text; the statistics are in statistics.js. */

const QUIZ = JSON.parse(document.getElementById("data").textContent);
const QUESTIONS = QUIZ.questions;
const METRICS = {accuracy: "Accuracy", sensitivity: "Sensitivity", specificity: "Specificity", auroc: "AUROC"};
const KINDS = {0: "normal", 1: "effusion"};
const SVG = "http://www.w3.org/2000/svg";
const PAUSE = 0.3; // seconds, so that a double click answers once
const labels = QUESTIONS.map((question) => question.label);

let answers; // of each question so far: {rating, seconds}
let shownAt; // when the current X-ray came

function $(id) {
    return document.getElementById(id);
}

function element(tag, attributes = {}, ...children) {
    return dressed(document.createElement(tag), attributes, children);
}

function drawn(tag, attributes = {}, ...children) {
    return dressed(document.createElementNS(SVG, tag), attributes, children);
}

function dressed(made, attributes, children) {
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...children);
    return made;
}

function show(id) {
    for (const section of document.querySelectorAll("main > section")) section.hidden = section.id !== id;
    scrollTo(0, 0);
}

/* --- Words --- */

function decimal(value, sign = "") {
    const text = Math.abs(value).toFixed(2);
    return (Number(text) === 0 ? "" : value < 0 ? "−" : sign) + text;
}

function percent(value) {
    return `${Math.round(100 * value)}\u00a0%`;
}

function amount(number, word) {
    return `${number} ${word}${number === 1 ? "" : "s"}`;
}

/* A value with its limits in small letters below; null where there is none. */
function cell(value, limits, sign = "") {
    if (value === null || Number.isNaN(value)) return element("td", {}, "undefined");
    const [low, high] = (limits || []).map((limit) => decimal(limit, sign));
    const range = high === undefined ? "no interval" : `${low} to ${high}`;
    return element("td", {}, decimal(value, sign), " ", element("small", {}, range));
}

function isRight(question, answer) {
    return (answer.rating >= QUIZ.called) === (question.label === 1);
}

/* --- Questions --- */

function start() {
    answers = [];
    $("said").textContent = "";
    ask();
}

function ask() {
    const number = `X-ray ${answers.length + 1} of ${QUESTIONS.length}`;
    show("question");
    $("number").textContent = number;
    $("xray").alt = number;
    $("xray").src = QUESTIONS[answers.length].picture;
    resetView();
    $("number").focus({preventScroll: true});
    shownAt = performance.now();
}

function answer(rating) {
    const question = QUESTIONS[answers.length];
    const seconds = (performance.now() - shownAt) / 1000;
    if (seconds < PAUSE) return;
    answers.push({rating, seconds});
    $("said").textContent = $("feedback").checked ? feedback(question) : "";
    if (answers.length < QUESTIONS.length) ask();
    else showResult();
}

function feedback(question) {
    const right = answers.map((given, i) => Number(isRight(QUESTIONS[i], given)));
    const verdict = right.at(-1) ? "Right" : "Wrong";
    return `${verdict}: X-ray ${answers.length} is ${KINDS[question.label]}. ${scored(right)} so far.`;
}

/* How many of [0 or 1, ...] are right, in words with the interval. */
function scored(right) {
    const metric = share(right, right.map(() => true));
    const limits = interval(metric, QUIZ.quantiles);
    const range = limits ? ` (95 % interval ${limits.map(percent).join(" to ")})` : "";
    return `${sum(right)} of ${right.length} right, ${percent(metric.value)}${range}`;
}

/* --- The view of an X-ray --- */

const ZOOM = {least: 1, most: 10, step: 1.3, wheel: 0.002};
const STEP = 40; // pixels that an arrow key moves the X-ray
const view = {scale: 1, x: 0, y: 0}; // x and y in pixels from the middle
const pointers = new Map(); // that are down, by id: {x, y}

function clamped(value, low, high) {
    return Math.min(Math.max(value, low), high);
}

function resetView() {
    Object.assign(view, {scale: 1, x: 0, y: 0});
    $("window").value = 100;
    $("level").value = 50;
    draw();
}

function draw() {
    const {width, height} = $("viewer").getBoundingClientRect();
    const reach = (view.scale - 1) / 2;
    view.x = clamped(view.x, -reach * width, reach * width);
    view.y = clamped(view.y, -reach * height, reach * height);
    $("xray").style.transform = `translate(${view.x}px, ${view.y}px) scale(${view.scale})`;
    const slope = 100 / $("window").value;
    for (const channel of $("greys").firstElementChild.children) {
        channel.setAttribute("slope", slope);
        channel.setAttribute("intercept", 0.5 - slope * ($("level").value / 100));
    }
    $("viewer").style.touchAction = view.scale > 1 || $("grey").checked ? "none" : "pan-y";
}

function move(x, y) {
    view.x += x;
    view.y += y;
    draw();
}

/* Zoom about a point, in pixels from the middle, which stays where it is. */
function zoom(factor, x = 0, y = 0) {
    const scale = clamped(view.scale * factor, ZOOM.least, ZOOM.most);
    const ratio = scale / view.scale;
    Object.assign(view, {scale, x: x - (x - view.x) * ratio, y: y - (y - view.y) * ratio});
    draw();
}

function setGreys(across, down) {
    $("window").value = Number($("window").value) + across;
    $("level").value = Number($("level").value) + down / 2;
    draw();
}

function fromMiddle({clientX, clientY}) {
    const {left, top, width, height} = $("viewer").getBoundingClientRect();
    return {x: clientX - left - width / 2, y: clientY - top - height / 2};
}

function drag(event) {
    if (!pointers.has(event.pointerId)) return;
    const [before, after] = [pointers.get(event.pointerId), fromMiddle(event)];
    const other = [...pointers].find(([id]) => id !== event.pointerId)?.[1];
    pointers.set(event.pointerId, after);
    if (other) {
        const distance = (point) => Math.hypot(point.x - other.x, point.y - other.y);
        zoom(distance(after) / Math.max(distance(before), 1), (after.x + other.x) / 2, (after.y + other.y) / 2);
        move((after.x - before.x) / 2, (after.y - before.y) / 2);
    } else if ($("grey").checked || event.buttons & 2) {
        setGreys((after.x - before.x) / 2, (after.y - before.y) / 2);
    } else {
        move(after.x - before.x, after.y - before.y);
    }
}

const KEYS = {
    "+": () => zoom(ZOOM.step),
    "=": () => zoom(ZOOM.step),
    "-": () => zoom(1 / ZOOM.step),
    0: resetView,
    ArrowLeft: () => move(STEP, 0),
    ArrowRight: () => move(-STEP, 0),
    ArrowUp: () => move(0, STEP),
    ArrowDown: () => move(0, -STEP),
};

function press(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (/^[1-9]$/.test(event.key) && event.key <= QUIZ.ratings.length) {
        if (!event.repeat) answer(Number(event.key));
    } else if (event.key in KEYS && event.target.type !== "range") {
        const scrolls = event.key.startsWith("Arrow") && view.scale === 1;
        if (scrolls) return;
        KEYS[event.key]();
        event.preventDefault();
    }
}

/* --- Result --- */

function showResult() {
    const network = metrics(labels, QUESTIONS.map((each) => each.probability), QUESTIONS.map((each) => each.called));
    const reader = metrics(
        labels,
        answers.map((given) => given.rating),
        answers.map((given) => given.rating >= QUIZ.called),
    );
    const right = QUESTIONS.map((question, i) => Number(isRight(question, answers[i])));
    const theirs = QUESTIONS.map((question) => Number(question.called === (question.label === 1)));
    show("result");
    $("heading").textContent = `Your score: ${sum(right)} of ${right.length}`;
    $("score").textContent = `You: ${scored(right)}. ${QUIZ.experiment}: ${scored(theirs)}.`;
    $("versus").textContent = `${prevalence()} ${versus(reader.accuracy, network.accuracy)}`;
    fillMetrics(reader, network);
    drawRoc();
    fillReaders(reader, network);
    fillCards();
    offerAnswers();
    $("heading").focus({preventScroll: true});
}

function prevalence() {
    const here = sum(labels);
    return `${here} of these ${labels.length} X-rays have an effusion; calling them all the same would have been ` +
        `right in ${Math.max(here, labels.length - here)}.`;
}

function versus(reader, network) {
    const {value, limits} = difference("accuracy", reader, network, QUIZ.quantiles);
    if (!limits) return "So few X-rays do not tell who reads better.";
    const range = `${decimal(value, "+")} (95 % interval ${limits.map((each) => decimal(each, "+")).join(" to ")})`;
    const said = limits[0] > 0 ? "you read X-rays like these better"
        : limits[1] < 0 ? "the network reads X-rays like these better"
        : "these X-rays do not tell who reads better";
    return `Your accuracy minus that of ${QUIZ.experiment}, on the same X-rays: ${range}, so ${said}.`;
}

function fillMetrics(reader, network) {
    const rows = Object.entries(METRICS).map(([name, words]) => {
        const gap = difference(name, reader[name], network[name], QUIZ.quantiles);
        const sides = [reader[name], network[name]].map((each) => cell(each.value, interval(each, QUIZ.quantiles)));
        return element("tr", {}, element("th", {scope: "row"}, words), ...sides, cell(gap.value, gap.limits, "+"));
    });
    $("metrics").tBodies[0].replaceChildren(...rows);
}

/* Readers whose answers lay in data/readers/ when this page was made, and you above them. */
function fillReaders(reader, network) {
    $("others").hidden = !QUIZ.readers.length;
    const names = [...new Set(QUIZ.readers.map((row) => row.reader))];
    const rows = names.map((name) => {
        const own = QUIZ.readers.filter((row) => row.reader === name);
        const cells = ["accuracy", "auroc"].flatMap((metric) => {
            const row = own.find((each) => each.metric === metric);
            return [
                cell(row.value, row.low === null ? null : [row.low, row.high]),
                cell(row.difference, row.difference_low === null ? null : [row.difference_low, row.difference_high], "+"),
            ];
        });
        return readerRow(name, own[0].n, cells);
    });
    const yours = ["accuracy", "auroc"].flatMap((metric) => {
        const gap = difference(metric, reader[metric], network[metric], QUIZ.quantiles);
        return [cell(reader[metric].value, interval(reader[metric], QUIZ.quantiles)), cell(gap.value, gap.limits, "+")];
    });
    $("readers").tBodies[0].replaceChildren(readerRow("You, just now", labels.length, yours), ...rows);
    const pairs = QUIZ.agreement.map((row) => {
        const kind = row.statistic === "cohen_kappa" ? "Cohen's" : "Fleiss'";
        const range = row.low === null ? "no interval" : `${decimal(row.low)} to ${decimal(row.high)}`;
        const value = row.value === null ? "undefined" : `${decimal(row.value)} (${range})`;
        return element("li", {}, `${row.readers}: ${kind} kappa ${value}, on ${amount(row.n, "X-ray")}`);
    });
    $("agreement").replaceChildren(...pairs);
}

function readerRow(name, number, cells) {
    return element("tr", {}, element("th", {scope: "row"}, name), element("td", {}, String(number)), ...cells);
}

/* --- The ROC curve --- */

const SIDE = 300; // of the axes, in the drawing's units
const MARGIN = {left: 46, right: 14, top: 10, bottom: 44};

function drawRoc() {
    const number = labels.length;
    const curves = [
        [`${QUIZ.experiment} on all ${QUIZ.held.n} ${QUIZ.held.kind} X-rays`, "all", QUIZ.held.curve],
        [`${QUIZ.experiment} on these ${number}`, "network", roc(labels, QUESTIONS.map((each) => each.probability))],
        [`You on these ${number}, a point for each step`, "reader", roc(labels, answers.map((each) => each.rating))],
    ].filter(([, , points]) => points.length);
    const height = MARGIN.top + SIDE + MARGIN.bottom;
    const width = MARGIN.left + SIDE + MARGIN.right;
    const figure = drawn("svg", {viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": described(curves)});
    figure.append(...axes());
    for (const [, kind, points] of curves) figure.append(...curve(points, kind));
    const items = curves.toReversed().map(([name, kind]) => {
        const sample = drawn("svg", {width: 44, height: 16, "aria-hidden": "true"});
        sample.append(drawn("path", {class: kind, d: "M0 8 H44"}), ...mark(22, 8, kind));
        return element("li", {}, sample, name);
    });
    $("legend").replaceChildren(...items);
    $("roc").querySelector(":scope > svg")?.remove();
    $("roc").prepend(figure);
}

function described(curves) {
    const points = curves.filter(([, kind]) => kind !== "all").map(([name, , each]) =>
        `${name}: ${each.map(([x, y]) => `sensitivity ${decimal(y)} at ${decimal(x)}`).join(", ")}`);
    return `ROC curves, sensitivity at 1 minus specificity. ${points.join(". ")}`;
}

function place([x, y]) {
    return [MARGIN.left + x * SIDE, MARGIN.top + (1 - y) * SIDE];
}

function curve(points, kind) {
    const path = points.map((point) => place(point).join(" ")).join(" L");
    const marks = points.slice(1, -1).flatMap((point) => mark(...place(point), kind));
    return [drawn("path", {class: kind, d: `M${path}`}), ...marks];
}

function mark(x, y, kind) {
    if (kind === "reader") return [drawn("circle", {class: "reader mark", cx: x, cy: y, r: 5})];
    if (kind === "network") return [drawn("rect", {class: "network mark", x: x - 4, y: y - 4, width: 8, height: 8})];
    return [];
}

function axes() {
    const [left, top] = place([0, 1]);
    const words = (text, x, y, more = {}) => drawn("text", {x, y, "text-anchor": "middle", ...more}, text);
    const middle = top + SIDE / 2;
    const ticks = [0, 0.5, 1].flatMap((value) => [
        words(value, place([value, 0])[0], top + SIDE + 18),
        words(value, left - 8, place([0, value])[1] + 4, {"text-anchor": "end"}),
    ]);
    return [
        drawn("rect", {class: "axis", x: left, y: top, width: SIDE, height: SIDE}),
        drawn("path", {class: "axis", d: `M${left} ${top + SIDE} L${left + SIDE} ${top}`}),
        ...ticks,
        words("1 − specificity", left + SIDE / 2, top + SIDE + 38),
        words("sensitivity", 12, middle, {transform: `rotate(-90 12 ${middle})`}),
    ];
}

/* --- The X-rays again --- */

function fillCards() {
    const groups = {
        "You were wrong, the network was right": [false, true],
        "Both were wrong": [false, false],
        "The network was wrong, you were right": [true, false],
        "Both were right": [true, true],
    };
    const parts = Object.entries(groups).flatMap(([title, [you, network]]) => {
        const within = QUESTIONS.map((question, i) => [question, answers[i], i]).filter(([question, given]) =>
            isRight(question, given) === you && (question.called === (question.label === 1)) === network);
        const cards = within.map(([question, given, i]) => card(question, given, i));
        const heading = element("h3", {}, `${title}: ${amount(cards.length, "X-ray")}`);
        return cards.length ? [heading, element("div", {class: "group"}, ...cards)] : [heading];
    });
    $("cards").replaceChildren(...parts);
    overlay();
}

function card(question, given, i) {
    const stack = element("div", {class: "stack"});
    stack.style.aspectRatio = `${question.width} / ${question.height}`;
    const name = `X-ray ${i + 1}: ${KINDS[question.label]}`;
    stack.append(element("img", {src: question.picture, alt: name}));
    const tick = (right) => (right ? "✓ right" : "✗ wrong");
    const call = question.called ? "effusion" : "normal";
    return element(
        "figure",
        {"data-question": i},
        stack,
        element(
            "figcaption",
            {},
            element("strong", {}, name),
            element("span", {}, `You: ${QUIZ.ratings[given.rating - 1]}, ${tick(isRight(question, given))}`),
            element("span", {}, `${QUIZ.experiment}: ${call} (${decimal(question.probability)}), ` +
                tick(question.called === (question.label === 1))),
            element("span", {class: "map"}),
            element("span", {class: "file"}, question.path),
        ),
    );
}

/* Lay the chosen map and the true effusion over each X-ray. */
function overlay() {
    const chosen = QUIZ.methods.find(({method}) => method === $("method").value);
    $("verdict").textContent = chosen ? `How far to trust ${chosen.name}: ${chosen.verdict}` : "";
    $("scale").hidden = !chosen;
    for (const figure of document.querySelectorAll("#cards figure")) {
        const question = QUESTIONS[figure.dataset.question];
        const map = chosen && question.maps[chosen.method];
        const layers = [map && map.picture, $("truth").checked && question.outline].filter(Boolean);
        const stack = figure.querySelector(".stack");
        stack.replaceChildren(stack.firstChild, ...layers.map((src) => element("img", {src, alt: ""})));
        const words = map && `Map: ${map.picture ? "" : "no "}evidence for ${map.target}`;
        figure.querySelector(".map").textContent = words || "";
    }
}

/* --- The file of answers --- */

function offerAnswers() {
    const header = "dataset,question,id,label,rating,called,probability,network_called,seconds";
    const rows = QUESTIONS.map((question, i) => [
        QUIZ.dataset,
        i + 1,
        question.id,
        question.label,
        answers[i].rating,
        Number(answers[i].rating >= QUIZ.called),
        question.probability,
        Number(question.called),
        answers[i].seconds.toFixed(1),
    ].join(","));
    const file = new Blob([[header, ...rows, ""].join("\n")], {type: "text/csv"});
    const link = $("export");
    if (link.protocol === "blob:") URL.revokeObjectURL(link.href);
    link.href = URL.createObjectURL(file);
    link.download = `${fileName($("name").value)}.csv`;
}

function fileName(name) {
    return name.replace(/[^\p{L}\p{N}_-]+/gu, " ").trim().replaceAll(" ", "-") || "reader";
}

/* --- Beginning --- */

$("begin").addEventListener("submit", (event) => {
    event.preventDefault();
    start();
});
$("again").addEventListener("click", () => {
    show("start");
    document.querySelector("#start h2").focus({preventScroll: true});
});
$("answers").addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button) answer(Number(button.value));
});
$("question").addEventListener("keydown", press);
$("closer").addEventListener("click", () => zoom(ZOOM.step));
$("farther").addEventListener("click", () => zoom(1 / ZOOM.step));
$("reset").addEventListener("click", resetView);
for (const id of ["window", "level", "grey"]) $(id).addEventListener("input", draw);
for (const id of ["method", "truth"]) $(id).addEventListener("change", overlay);
$("viewer").addEventListener("contextmenu", (event) => event.preventDefault());
$("viewer").addEventListener("pointerdown", (event) => {
    $("viewer").setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, fromMiddle(event));
});
$("viewer").addEventListener("pointermove", drag);
for (const type of ["pointerup", "pointercancel"]) {
    $("viewer").addEventListener(type, (event) => pointers.delete(event.pointerId));
}
$("viewer").addEventListener("wheel", (event) => {
    if (view.scale === 1 && event.deltaY > 0) return; // the page scrolls
    const {x, y} = fromMiddle(event);
    zoom(Math.exp(-event.deltaY * ZOOM.wheel), x, y);
    event.preventDefault();
}, {passive: false});
addEventListener("resize", () => $("question").hidden || draw());

$("method").append(...QUIZ.methods.map(({method, name}) => element("option", {value: method}, name)));
$("outlined").hidden = QUESTIONS.every((question) => !question.outline);
show("start");
