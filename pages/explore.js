/* The explorer: a grid of X-rays to filter and sort, and each of them large. What is shown stands
   in the address, after #. All text goes in as text; page.js and viewer.js come before this. */

const DATA = JSON.parse($("data").textContent);
const FLAGS = Object.entries(DATA.flags).map(([flag, rows]) => [flag, new Set(rows)]);
const IMAGES = DATA.images.id.map((_, row) => image(row));
const ROWS = new Map(IMAGES.map(({id, row}) => [id, row]));
const OUTLINED = new Set(DATA.outlined);
const SORTS = {
    row: "manifest",
    error: "how far off",
    probability: "probability",
    isolation: "nearest X-ray",
    ...Object.fromEntries(
        ["id", "patient", "age", "sex", "view", "class", "subset", "width", "height"]
            .map((key) => [key, key])),
};
const NOTHING = {
    ...{search: "", patient: "", subset: "", class: "", answer: "", from: "", to: "", flag: ""},
    ...{sort: "row", order: "up", map: "", image: ""},
};
const NUMBERED = new Intl.Collator("en", {numeric: true}); // i3 before i10
const TILE = 150; // pixels that a tile is wide at the least, where two fit
const GAP = 8;
const CAPTION = 3.7; // rem
const SPARE = 3; // rows of tiles that are drawn above and below those in sight

let state; // what the address says, see NOTHING
let selection = []; // the images that the filter leaves, in order
let current = 0; // place in the selection that the keys move
let columns = 1;
let pitch = 1; // pixels from one row of tiles to the next
const drawnTiles = new Map(); // list items in the document, by row of the manifest

/* --- The images --- */

function image(row) {
    const made = {row};
    for (const [key, values] of Object.entries(DATA.images)) made[key] = values[row];
    const {id, path, patient, label, probability} = made;
    made.called = Number(probability >= DATA.threshold);
    made.right = made.called === label;
    made.error = Math.abs(probability - label);
    made.isolation = DATA.distances[row][0] ?? null;
    made.words = [id, path, patient].join("\n").toLowerCase();
    made.marks = FLAGS.filter(([, rows]) => rows.has(row)).map(([flag]) => flag);
    return made;
}

/* Whether an image is among those that a state asks for. */
function wanted(image, asked) {
    const {search, patient, subset, answer, from, to, flag} = asked;
    return image.words.includes(search.toLowerCase()) &&
        (!patient || image.patient === patient) &&
        (!subset || image.subset === subset) &&
        (!asked.class || image.class === asked.class) &&
        (!answer || image.right === (answer === "right")) &&
        (from === "" || image.probability >= Number(from)) &&
        (to === "" || image.probability <= Number(to)) &&
        (!flag || image.marks.includes(flag));
}

/* In the order of a column; what is unknown comes last, ties as in the manifest. */
function sorted(images, key, order) {
    const sign = order === "down" ? -1 : 1;
    const unknown = ({[key]: value}) => Number(value === null || value === "");
    const compare = (one, other) =>
        (typeof one === "string" ? NUMBERED.compare(one, other) : one - other);
    return [...images].sort((one, other) => unknown(one) - unknown(other) ||
        (unknown(one) ? 0 : sign * compare(one[key], other[key])) || one.row - other.row);
}

/* --- The address --- */

function readAddress() {
    const found = Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
    const known = Object.entries(found).filter(([key]) => Object.hasOwn(NOTHING, key));
    const asked = {...NOTHING, ...Object.fromEntries(known)};
    for (const control of $("choose").elements) { // a choice that there is not is none
        const options = [...(control.options || [])].map(({value}) => value);
        if (options.length && !options.includes(asked[control.name])) {
            asked[control.name] = NOTHING[control.name];
        }
    }
    for (const key of ["from", "to"]) if (Number.isNaN(Number(asked[key]))) asked[key] = "";
    if (!ROWS.has(asked.image)) asked.image = "";
    if (!DATA.methods.some(({method}) => method === asked.map)) asked.map = "";
    return asked;
}

function address(changes) {
    const asked = Object.entries({...state, ...changes});
    return `#${new URLSearchParams(asked.filter(([key, value]) => value !== NOTHING[key]))}`;
}

/* Go where these changes lead: as a step that "back" takes back, or in place of this one. The
   depth of an open image is the number of steps since the grid; NaN where a link from elsewhere
   led in. */
function go(changes, step = false) {
    const before = state.image ? history.state?.depth ?? NaN : 0;
    const depth = {...state, ...changes}.image ? before + Number(step) : 0;
    history[step ? "pushState" : "replaceState"]({depth}, "", address(changes));
    show();
}

/* --- The page follows the address --- */

function show() {
    const before = state;
    state = readAddress();
    const {image: opened, map, ...filter} = state;
    if (!before || Object.keys(filter).some((key) => before[key] !== state[key])) showSelection();
    if (opened) {
        showImage(IMAGES[ROWS.get(opened)]);
    } else if (before?.image) {
        $("image").close();
        moveTo(current);
    }
}

function showSelection() {
    for (const control of $("choose").elements) {
        const asked = state[control.name] ?? ""; // buttons have no name
        if (control.value !== asked) control.value = asked; // or the caret would move
    }
    const found = IMAGES.filter((each) => wanted(each, state));
    selection = sorted(found, state.sort, state.order);
    $("count").textContent = `${selection.length} of ${counted(IMAGES.length, "X-ray")}`;
    $("scores").replaceChildren(...scores().map((words) => element("li", {}, words)));
    current = 0;
    for (const tile of drawnTiles.values()) tile.remove();
    drawnTiles.clear();
    scrollTo(0, 0);
    layGrid();
}

/* How good the network is on the selection, by subset; not where its answers chose it. */
function scores() {
    if (state.answer || state.from || state.to || DATA.doubts.includes(state.flag)) {
        return ["No scores: what the network says chose these X-rays."];
    }
    return Object.entries(DATA.subsets).flatMap(([subset, kind]) => {
        const part = selection.filter((each) => each.subset === subset);
        if (!part.length) return [];
        const parts = [part, part.filter(({label}) => label), part.filter(({label}) => !label)];
        const [all, ill, well] = parts.map((images) => {
            const right = images.filter((each) => each.right).length;
            const share = images.length ? ` (${percent(right / images.length)})` : "";
            return `${right} of ${images.length}${share}`;
        });
        const learned = {train: ", which it learned from", validation: ", which chose settings"};
        return [`${kind}${learned[subset] || ""}: right ${all}, sensitivity ${ill}, ` +
            `specificity ${well}`];
    });
}

/* --- The grid: of its tiles only those in sight are in the document --- */

function layGrid() {
    const width = $("grid").clientWidth;
    columns = Math.max(2, Math.floor((width + GAP) / (TILE + GAP)));
    const side = (width - (columns - 1) * GAP) / columns;
    const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
    pitch = side + CAPTION * rem + GAP;
    const lines = Math.ceil(selection.length / columns);
    $("grid").style.height = `${lines * pitch}px`;
    $("tiles").style.gridTemplateColumns = `repeat(${columns}, ${side}px)`;
    $("tiles").style.gridAutoRows = `${pitch - GAP}px`;
    $("tiles").style.setProperty("--side", `${side}px`);
    drawTiles();
}

function drawTiles() {
    const above = -$("grid").getBoundingClientRect().top;
    const first = Math.max(0, Math.floor(above / pitch) - SPARE);
    const last = Math.max(first, Math.ceil((above + innerHeight) / pitch) + SPARE);
    const range = selection.slice(first * columns, last * columns);
    const rows = new Set(range.map(({row}) => row));
    for (const [row, tile] of drawnTiles) {
        if (rows.has(row)) continue;
        tile.remove();
        drawnTiles.delete(row);
    }
    $("tiles").style.transform = `translateY(${first * pitch}px)`;
    range.forEach((each, i) => {
        const place = first * columns + i;
        const tile = drawnTiles.get(each.row) || gridTile(each, place);
        const there = $("tiles").children[i];
        if (there !== tile) $("tiles").insertBefore(tile, there || null); // others keep the focus
        drawnTiles.set(each.row, tile);
        tile.firstChild.tabIndex = place === current ? 0 : -1;
    });
}

function gridTile(image, place) {
    const tile = thumbnail(image, [DATA.subsets[image.subset]]);
    tile.dataset.place = place;
    tile.setAttribute("aria-setsize", selection.length);
    tile.setAttribute("aria-posinset", place + 1);
    return tile;
}

/* A list item with a small picture of an image, which leads to it. */
function thumbnail(image, notes) {
    const {id, row, right} = image;
    const picture = element("img", {src: file("thumbnails", id), alt: "", decoding: "async"});
    const lines = [id, `${KINDS[image.label]}, ${verdict(image)}`, notes.join(", ")];
    const caption = lines.map((line) => element("span", {}, line));
    const link = element("a", {href: address({image: id}), title: id}, picture, ...caption);
    return element("li", {"data-row": row, class: right ? "right" : "wrong"}, link);
}

function verdict({probability, right}) {
    return `${decimal(probability)} ${right ? "✓\u00a0right" : "✗\u00a0wrong"}`;
}

function file(kind, id, suffix = "jpg") {
    return `explore/${kind}/${encodeURIComponent(id)}.${suffix}`;
}

/* Move the keys' place, with the focus, to a place in the selection. */
function moveTo(place) {
    if (!selection.length) return;
    current = clamped(place, 0, selection.length - 1);
    const top = $("grid").getBoundingClientRect().top + Math.floor(current / columns) * pitch;
    if (top < 0) scrollBy(0, top - GAP);
    else if (top + pitch > innerHeight) scrollBy(0, top + pitch - innerHeight + GAP);
    drawTiles();
    drawnTiles.get(selection[current].row).firstChild.focus({preventScroll: true});
}

/* --- One image --- */

function showImage(image) {
    const {id, row, width, height} = image;
    const place = selection.indexOf(image);
    if (place >= 0) current = place;
    const other = $("name").textContent !== id;
    $("name").textContent = id;
    $("place").textContent = place < 0 ? "not in the selection"
        : `${place + 1} of ${selection.length}`;
    $("previous").disabled = place <= 0;
    $("next").disabled = place < 0 || place === selection.length - 1;
    $("answer").textContent = `Truth: ${KINDS[image.label]}. ` +
        `${DATA.experiment}: ${KINDS[image.called]}, ${verdict(image)} ` +
        `(an effusion from ${decimal(DATA.threshold)}). Subset: ${DATA.subsets[image.subset]}.`;
    $("xray").style.setProperty("--ratio", width / height);
    $("outlined").hidden = !OUTLINED.has(row);
    showLayers(image);
    if (other) {
        $("neighbours").replaceChildren(...neighbours(image));
        $("fields").replaceChildren(...fields(image));
    }
    if (!$("image").open) {
        $("image").showModal();
        $("name").focus();
    }
    if (other) {
        $("image").scrollTo(0, 0);
        resetView();
    }
}

/* The X-ray with what lies over it, and each map beside the other. */
function showLayers(image) {
    const {id, row} = image;
    const method = DATA.methods.find((each) => each.method === state.map);
    for (const choice of $("layers").querySelectorAll("[name=map]")) {
        choice.checked = choice.value === state.map;
    }
    const mapped = (name) => DATA.maps[name][row]; // its target, "" if empty, undefined if none
    const overlay = (name, alt) => element("img", {src: file(`maps/${name}`, id, "png"), alt});
    const looks = {src: file("xrays", id), alt: `X-ray ${id}`, draggable: false};
    const xray = () => element("img", looks);
    const layers = [xray()];
    if (method && mapped(method.method)) {
        layers.push(overlay(method.method, `${method.name} map`));
        layers[1].classList.add("map");
    }
    if ($("truth").checked && OUTLINED.has(row)) {
        layers.push(element("img", {src: file("outlines", id, "png"), alt: "true effusion"}));
    }
    $("xray").replaceChildren(...layers);
    const made = DATA.methods.filter(({method: name}) => mapped(name) !== undefined);
    $("unmapped").hidden = made.length;
    $("scale").hidden = !made.length;
    $("maps").replaceChildren(...made.map(({method: name, name: title, verdict: trust}) => {
        const target = mapped(name);
        const over = target ? [overlay(name, "")] : [];
        const stack = element("div", {class: "stack"}, xray(), ...over);
        stack.style.aspectRatio = `${image.width} / ${image.height}`;
        const words = target ? `evidence for ${target}` : "empty, no evidence";
        const lines = [element("strong", {}, `${title}: ${words}`), element("span", {}, trust)];
        return element("figure", {}, stack, element("figcaption", {}, ...lines));
    }));
}

/* Images that are or may be copies or of the same person, by row: [kind, likeness]. */
function relatives(row) {
    const pairs = DATA.pairs.filter(([first, second]) => [first, second].includes(row));
    return new Map(pairs.map(([first, second, kind, likeness]) => {
        const words = kind === "same-person" ? "same person?" : kind;
        return [first === row ? second : first, [words, likeness]];
    }));
}

function neighbours({row, patient}) {
    const known = relatives(row);
    return DATA.neighbours[row].map((near, i) => {
        const other = IMAGES[near];
        const notes = [`distance ${decimal(DATA.distances[row][i])}`, DATA.subsets[other.subset]];
        const same = patient && other.patient === patient ? ["same patient"]
            : known.has(near) ? [known.get(near)[0]] : [];
        const tile = thumbnail(other, [...same, ...notes]);
        if (same.length) tile.classList.add("same");
        return tile;
    });
}

/* Terms and descriptions of all that is known of an image. */
function fields(image) {
    const shown = Object.keys(DATA.images).filter((key) => !["id", "label", "flags"].includes(key));
    const told = shown.map((key) => {
        const value = image[key];
        const words = key === "subset" ? DATA.subsets[value] : value;
        const many = IMAGES.filter(({patient}) => patient === value).length;
        return [key.replaceAll("_", " "), key === "patient" && value
            ? element("a", {href: `#${new URLSearchParams({patient: value})}`},
                `${value}: ${counted(many, "X-ray")}`)
            : value === null || value === "" ? "not known" : String(words)];
    });
    const related = [...relatives(image.row)].map(([row, [kind, likeness]]) => {
        const {id} = IMAGES[row];
        const link = element("a", {href: address({image: id})}, id);
        return [kind, element("span", {}, link, ` (likeness ${decimal(likeness)})`)];
    });
    const flags = [["flags", image.marks.join(", ") || "none"]];
    return [...told, ...flags, ...related].flatMap(([term, words]) =>
        [element("dt", {}, term), element("dd", {}, words)]);
}

function step(by) {
    const place = selection.findIndex(({id}) => id === state.image) + by;
    if (place - by >= 0 && place in selection) go({image: selection[place].id});
}

/* --- What people do --- */

function press(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || $("help").open) return;
    if (event.key === "?" && event.target.type !== "text") {
        $("help").showModal();
    } else if ($("image").open) {
        pressInImage(event);
    } else if (event.key === "/" && event.target.type !== "text") {
        $("filters").open = true;
        $("choose").elements.search.focus();
    } else if (document.activeElement === document.body || $("tiles").contains(event.target)) {
        const moves = {
            ...{ArrowLeft: current - 1, ArrowRight: current + 1},
            ...{ArrowUp: current - columns, ArrowDown: current + columns},
            ...{Home: 0, End: selection.length - 1},
        };
        if (!(event.key in moves)) return;
        moveTo($("tiles").contains(document.activeElement) ? moves[event.key] : current);
    } else {
        return;
    }
    if (!$("image").open) event.preventDefault();
}

function pressInImage(event) {
    const by = {ArrowLeft: -1, ArrowRight: 1}[event.key];
    if (["range", "radio"].includes(event.target.type)) return; // whose arrows are their own
    if (by && view.scale === 1) step(by);
    else pressInView(event);
}

/* A link to somewhere in this page is a step to it. */
function follow(event) {
    const link = event.target.closest("a");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const asked = Object.fromEntries(new URLSearchParams(link.hash.slice(1)));
    const place = link.parentElement.dataset.place;
    if (place) current = Number(place);
    go(asked.image ? {image: asked.image} : {...NOTHING, ...asked}, true);
}

/* The grid is as many steps back as led here, or, behind a link from elsewhere, a new state. */
function leave() {
    if (!readAddress().image) return;
    const depth = history.state?.depth;
    if (depth > 0) history.go(-depth);
    else go({image: ""});
}

/* A choice is a step that "back" takes back; letters, as they are typed, are not. */
function choose({type, target}) {
    const chosen = target.tagName === "SELECT";
    if (type === (chosen ? "change" : "input")) go({[target.name]: target.value}, chosen);
}

$("choose").elements.sort.append(...Object.entries(SORTS).map(([value, words]) =>
    element("option", {value}, words)));
$("choose").addEventListener("input", choose);
$("choose").addEventListener("change", choose);
$("choose").addEventListener("submit", (event) => event.preventDefault());
$("choose").addEventListener("reset", (event) => {
    event.preventDefault();
    go({...NOTHING}, true);
});
$("layers").addEventListener("change", (event) => {
    if (event.target.name === "map") go({map: event.target.value});
    else if (event.target.id === "truth") showLayers(IMAGES[ROWS.get(state.image)]);
});
$("opacity").addEventListener("input", ({target}) =>
    $("xray").style.setProperty("--opacity", target.value / 100));
$("previous").addEventListener("click", () => step(-1));
$("next").addEventListener("click", () => step(1));
$("close").addEventListener("click", () => $("image").close());
$("image").addEventListener("close", leave);
$("ask").addEventListener("click", () => $("help").showModal());
document.addEventListener("keydown", press);
document.addEventListener("click", follow);
addEventListener("popstate", show);
addEventListener("scroll", () => requestAnimationFrame(drawTiles), {passive: true});
addEventListener("resize", layGrid);
history.scrollRestoration = "manual";
$("filters").open = innerWidth >= 700;
watchView();
show();
