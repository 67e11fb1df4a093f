/* The quiz: asks about one X-ray after another, then sets the reader beside the network. All text
   goes into the page as text; page.js, statistics.js and viewer.js come before this. */

const QUIZ = JSON.parse($("data").textContent);
const QUESTIONS = QUIZ.questions;
const LABELS = QUESTIONS.map((question) => question.label);
const METRICS = {
    accuracy: "Accuracy",
    sensitivity: "Sensitivity",
    specificity: "Specificity",
    auroc: "AUROC",
};
const PAUSE = 0.3; // seconds, so that a double click answers once

let answers; // of each question so far: {rating, seconds}
let shownAt; // when the current X-ray came

/* Show one section of the page, from its heading on. */
function show(id) {
    for (const each of document.querySelectorAll("main > section")) each.hidden = each.id !== id;
    scrollTo(0, 0);
    $(id).querySelector("h2").focus({preventScroll: true});
}

/* --- Words --- */

/* A value and its limits, null or NaN where there are none. */
function spelled([value, low, high], sign = "") {
    const undefined_ = value === null || Number.isNaN(value);
    return {
        value: undefined_ ? "undefined" : decimal(value, sign),
        range: low === null ? "no interval" : `${decimal(low, sign)} to ${decimal(high, sign)}`,
    };
}

/* How many of [0 or 1, ...] are right, in words with the interval. */
function scored(right) {
    const metric = share(right);
    const [low, high] = interval(metric, QUIZ.quantiles);
    const range = low === null ? "" : ` (95 % interval ${percent(low)} to ${percent(high)})`;
    return `${sum(right)} of ${right.length} right, ${percent(metric.value)}${range}`;
}

/* --- Questions --- */

function start() {
    answers = [];
    $("said").textContent = "";
    ask();
}

function ask() {
    const number = `X-ray ${answers.length + 1} of ${QUESTIONS.length}`;
    $("number").textContent = number;
    $("xray").alt = number;
    $("xray").src = QUESTIONS[answers.length].picture;
    show("question");
    resetView();
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

function press(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const rating = Number(event.key);
    if (rating >= 1 && rating <= QUIZ.ratings.length) {
        if (!event.repeat) answer(rating);
    } else {
        pressInView(event);
    }
}

/* For each question answered so far, whether the reader is right, 0 or 1. */
function rightSoFar() {
    return answers.map(({rating}, i) => Number((rating >= QUIZ.called) === (LABELS[i] === 1)));
}

function feedback(question) {
    const right = rightSoFar();
    const verdict = right.at(-1) ? "Right" : "Wrong";
    const truth = `X-ray ${right.length} is ${KINDS[question.label]}`;
    return `${verdict}: ${truth}. ${scored(right)} so far.`;
}

/* --- Result --- */

function showResult() {
    const right = rightSoFar();
    const networks = QUESTIONS.map(({called, label}) => Number(called === (label === 1)));
    const rows = besideNetwork();
    $("heading").textContent = `Your score: ${sum(right)} of ${right.length}`;
    $("score").textContent = `You: ${scored(right)}. ${QUIZ.experiment}: ${scored(networks)}.`;
    $("versus").textContent = `${prevalence()} ${versus(rows.accuracy.difference)}`;
    fillMetrics(rows);
    fillReaders(rows);
    drawRoc();
    fillCards(right, networks);
    offerAnswers();
    show("result");
}

/* By metric, [value, low, high] of the reader, of the network, and of their difference. */
function besideNetwork() {
    const ratings = answers.map(({rating}) => rating);
    const people = metrics(LABELS, ratings, ratings.map((rating) => rating >= QUIZ.called));
    const [probabilities, called] = ["probability", "called"].map((key) =>
        QUESTIONS.map((question) => question[key]));
    const network = metrics(LABELS, probabilities, called);
    const row = (name) => ({
        value: [people[name].value, ...interval(people[name], QUIZ.quantiles)],
        network: [network[name].value, ...interval(network[name], QUIZ.quantiles)],
        difference: difference(name, people[name], network[name], QUIZ.quantiles),
    });
    return Object.fromEntries(Object.keys(METRICS).map((name) => [name, row(name)]));
}

function prevalence() {
    const here = sum(LABELS);
    const most = Math.max(here, LABELS.length - here);
    return `${here} of these ${LABELS.length} X-rays have an effusion; calling them all the same ` +
        `would have been right in ${most}.`;
}

function versus(gap) {
    if (gap[1] === null) return "So few X-rays do not tell who reads better.";
    const {value, range} = spelled(gap, "+");
    const said = gap[1] > 0 ? "you read X-rays like these better"
        : gap[2] < 0 ? "the network reads X-rays like these better"
        : "these X-rays do not tell who reads better";
    return `Your accuracy minus that of ${QUIZ.experiment}, on the same X-rays: ${value} ` +
        `(95 % interval ${range}), so ${said}.`;
}

function cell(numbers, sign) {
    const {value, range} = spelled(numbers, sign);
    return element("td", {}, value, " ", element("small", {}, range));
}

function tableRow(name, ...cells) {
    return element("tr", {}, element("th", {scope: "row"}, name), ...cells);
}

function fillMetrics(rows) {
    const made = Object.entries(METRICS).map(([name, words]) => {
        const {value, network, difference} = rows[name];
        return tableRow(words, cell(value), cell(network), cell(difference, "+"));
    });
    $("metrics").tBodies[0].replaceChildren(...made);
}

/* You, and the readers whose answers lay in data/readers/ when this page was made. */
function fillReaders(rows) {
    const readers = new Map([["You, just now", {n: LABELS.length, ...rows}]]);
    for (const row of QUIZ.readers) {
        const own = readers.get(row.reader) || {n: row.n};
        const numbers = (first, side) => [row[first], row[`${side}low`], row[`${side}high`]];
        own[row.metric] = {
            value: numbers("value", ""),
            difference: numbers("difference", "difference_"),
        };
        readers.set(row.reader, own);
    }
    const made = [...readers].map(([name, {n, accuracy, auroc}]) => {
        const pairs = [accuracy, auroc].flatMap(({value, difference}) =>
            [cell(value), cell(difference, "+")]);
        return tableRow(name, element("td", {}, String(n)), ...pairs);
    });
    const agreement = QUIZ.agreement.map((row) => {
        const kind = row.statistic === "cohen_kappa" ? "Cohen's" : "Fleiss'";
        const {value, range} = spelled([row.value, row.low, row.high]);
        const images = counted(row.n, "X-ray");
        return element("li", {}, `${row.readers}: ${kind} kappa ${value} (${range}), on ${images}`);
    });
    $("others").hidden = !QUIZ.readers.length;
    $("readers").tBodies[0].replaceChildren(...made);
    $("agreement").replaceChildren(...agreement);
}

/* --- The ROC curves --- */

const SIDE = 300; // of the axes, in the drawing's units
const MARGIN = {left: 46, right: 14, top: 10, bottom: 44};

function drawRoc() {
    const number = LABELS.length;
    const {n, kind, curve} = QUIZ.held;
    const own = roc(LABELS, answers.map(({rating}) => rating));
    const network = roc(LABELS, QUESTIONS.map(({probability}) => probability));
    const curves = [
        {name: `${QUIZ.experiment} on all ${n} ${kind} X-rays`, style: "all", points: curve},
        {name: `${QUIZ.experiment} on these ${number}`, style: "network", points: network},
        {name: `You on these ${number}, a point for each step`, style: "reader", points: own},
    ].filter(({points}) => points.length);
    const width = MARGIN.left + SIDE + MARGIN.right;
    const height = MARGIN.top + SIDE + MARGIN.bottom;
    const figure = drawn("svg", {
        viewBox: `0 0 ${width} ${height}`,
        role: "img",
        "aria-label": described(curves),
    });
    figure.append(...axes(), ...curves.flatMap(drawCurve));
    $("roc").querySelector(":scope > svg")?.remove();
    $("roc").prepend(figure);
    $("legend").replaceChildren(...curves.toReversed().map(({name, style}) => {
        const sample = drawn("svg", {width: 44, height: 16, "aria-hidden": "true"});
        sample.append(drawn("path", {class: style, d: "M0 8 H44"}), ...mark([22, 8], style));
        return element("li", {}, sample, name);
    }));
}

/* The curves in words, for those who do not see them. */
function described(curves) {
    const told = curves.filter(({style}) => style !== "all").map(({name, points}) => {
        const places = points.map(([x, y]) => `sensitivity ${decimal(y)} at ${decimal(x)}`);
        return `${name}: ${places.join(", ")}.`;
    });
    return `ROC curves, sensitivity at 1 minus specificity. ${told.join(" ")}`;
}

function place([x, y]) {
    return [MARGIN.left + x * SIDE, MARGIN.top + (1 - y) * SIDE];
}

function drawCurve({points, style}) {
    const path = points.map((point) => place(point).join(" ")).join(" L");
    const marks = points.slice(1, -1).flatMap((point) => mark(place(point), style));
    return [drawn("path", {class: style, d: `M${path}`}), ...marks];
}

function mark([x, y], style) {
    const shapes = {
        reader: ["circle", {cx: x, cy: y, r: 5}],
        network: ["rect", {x: x - 4, y: y - 4, width: 8, height: 8}],
    };
    if (!(style in shapes)) return [];
    const [shape, where] = shapes[style];
    return [drawn(shape, {class: `${style} mark`, ...where})];
}

function axes() {
    const [left, top] = place([0, 1]);
    const [right, bottom] = place([1, 0]);
    const middle = (top + bottom) / 2;
    const words = (text, x, y, more = {}) =>
        drawn("text", {x, y, "text-anchor": "middle", ...more}, text);
    const ticks = [0, 0.5, 1].flatMap((value) => {
        const [x, y] = place([value, value]);
        const beside = {"text-anchor": "end"};
        return [words(value, x, bottom + 18), words(value, left - 8, y + 4, beside)];
    });
    return [
        drawn("rect", {class: "axis", x: left, y: top, width: SIDE, height: SIDE}),
        drawn("path", {class: "axis", d: `M${left} ${bottom} L${right} ${top}`}),
        ...ticks,
        words("1 − specificity", (left + right) / 2, bottom + 38),
        words("sensitivity", 12, middle, {transform: `rotate(-90 12 ${middle})`}),
    ];
}

/* --- The X-rays again --- */

const GROUPS = { // by whether you, and the network, were right
    "You were wrong, the network was right": [0, 1],
    "Both were wrong": [0, 0],
    "The network was wrong, you were right": [1, 0],
    "Both were right": [1, 1],
};

function fillCards(right, networks) {
    const parts = Object.entries(GROUPS).flatMap(([title, [you, network]]) => {
        const cards = [...QUESTIONS.keys()]
            .filter((i) => right[i] === you && networks[i] === network)
            .map((i) => card(i, right[i], networks[i]));
        const heading = element("h3", {}, `${title}: ${counted(cards.length, "X-ray")}`);
        return [heading, element("div", {class: "group"}, ...cards)];
    });
    $("cards").replaceChildren(...parts);
    layOver();
}

function card(i, right, network) {
    const {picture, width, height, label, called, probability, path} = QUESTIONS[i];
    const name = `X-ray ${i + 1}: ${KINDS[label]}`;
    const stack = element("div", {class: "stack"}, element("img", {src: picture, alt: name}));
    stack.style.aspectRatio = `${width} / ${height}`;
    const tick = (hit) => (hit ? "✓\u00a0right" : "✗\u00a0wrong");
    const yours = QUIZ.ratings[answers[i].rating - 1];
    const theirs = `${KINDS[Number(called)]} (${decimal(probability)})`;
    const caption = element(
        "figcaption",
        {},
        element("strong", {}, name),
        element("span", {}, `You: ${yours}, ${tick(right)}`),
        element("span", {}, `${QUIZ.experiment}: ${theirs}, ${tick(network)}`),
        element("span", {class: "map"}),
        element("span", {class: "file"}, path),
    );
    return element("figure", {"data-question": i}, stack, caption);
}

/* Lay the chosen map and the true effusion over each X-ray. */
function layOver() {
    const chosen = QUIZ.methods.find(({method}) => method === $("method").value);
    $("verdict").textContent = chosen ? `How far to trust ${chosen.name}: ${chosen.verdict}` : "";
    $("scale").hidden = !chosen;
    for (const figure of document.querySelectorAll("#cards figure")) {
        const {maps, outline} = QUESTIONS[figure.dataset.question];
        const map = chosen ? maps[chosen.method] : {};
        const layers = [map.picture, $("truth").checked && outline].filter(Boolean);
        const stack = figure.querySelector(".stack");
        const over = layers.map((src) => element("img", {src, alt: ""}));
        stack.replaceChildren(stack.firstChild, ...over);
        const words = `Map: ${map.picture ? "" : "no "}evidence for ${map.target}`;
        figure.querySelector(".map").textContent = chosen ? words : "";
    }
}

/* --- The file of answers, as schemas/reader.schema.yaml has it --- */

function offerAnswers() {
    const rows = QUESTIONS.map(({id, label, probability, called}, i) => {
        const {rating, seconds} = answers[i];
        return {
            dataset: QUIZ.dataset,
            question: i + 1,
            id,
            label,
            rating,
            called: Number(rating >= QUIZ.called),
            probability,
            network_called: Number(called),
            seconds: seconds.toFixed(1),
        };
    });
    const lines = [Object.keys(rows[0]), ...rows.map(Object.values)].map((each) => each.join(","));
    const file = new Blob([lines.join("\n"), "\n"], {type: "text/csv"});
    const link = $("export");
    URL.revokeObjectURL(link.href);
    link.href = URL.createObjectURL(file);
    link.download = `${fileName($("name").value)}.csv`;
}

function fileName(name) {
    const words = name.match(/[\p{L}\p{N}_-]+/gu) || ["reader"];
    return words.join("-");
}

/* --- Beginning --- */

$("begin").addEventListener("submit", (event) => {
    event.preventDefault();
    start();
});
$("again").addEventListener("click", () => show("start"));
$("answers").addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button) answer(Number(button.value));
});
$("question").addEventListener("keydown", press);
for (const id of ["method", "truth"]) $(id).addEventListener("change", layOver);
watchView();
$("method").append(...QUIZ.methods.map(({method, name}) =>
    element("option", {value: method}, name)));
$("outlined").hidden = QUESTIONS.every(({outline}) => !outline);
$("start").hidden = false;
