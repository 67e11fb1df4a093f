/* The page that judges X-rays: hands one file after another to its worker and shows what comes
   back. page.js comes before this; all text goes into the page as text. */

const PAGE = JSON.parse($("data").textContent);
const VEIL = Uint8ClampedArray.from(atob(PAGE.veil), (byte) => byte.charCodeAt(0)); // 256 x RGBA
const COLUMNS = ["image", "probability", "prediction", "warning", "distance"]; // as of `predict`

const rows = []; // of the file of results
const waiting = []; // files
let answered = null; // what to do with the worker's next answer; null while it is idle

const worker = new Worker(URL.createObjectURL(new Blob([$("work").textContent])));
worker.addEventListener("message", ({data}) => answered(data));
worker.addEventListener("error", (event) => {
    event.preventDefault();
    answered?.({failure: `this browser cannot judge it: ${event.message}`});
});
worker.postMessage(PAGE);

/* --- One file after another --- */

async function judgeAll(files) {
    waiting.push(...files);
    if (answered) return; // they will have their turn
    while (waiting.length) {
        const file = waiting.shift();
        $("said").textContent = `Reading ${file.name}; ${counted(waiting.length, "file")} to go`;
        show(file.name, await answerTo(file));
    }
}

function answerTo(file) {
    return new Promise((resolve) => {
        answered = (answer) => {
            answered = null;
            resolve(answer);
        };
        worker.postMessage(file);
    });
}

function show(name, answer) {
    const {probability, failure} = answer;
    const prediction = failure ? "" : KINDS[Number(probability >= PAGE.threshold)];
    const warning = failure ? failed(failure) : answer.warnings.join("; ");
    rows.push([name, probability ?? "", prediction, warning, answer.distance ?? ""]);
    const parts = failure ? [warned(warning)] : shown(answer, prediction);
    $("results").prepend(element("article", {}, element("h3", {}, name), ...parts));
    const words = failure ? "" : `: ${prediction}, probability ${decimal(probability)}`;
    $("said").textContent = `${name}${words}${warning ? `. Warning: ${warning}` : ""}`;
    $("found").hidden = false;
    offerResults();
    layOver();
}

function failed(reason) {
    return PAGE.words.unreadable.replace("{reason}", reason);
}

/* --- A result --- */

function shown({probability, warnings, picture, map}, prediction) {
    const {width, height, values} = picture;
    const xray = canvas(width, height, (at) => [values[at], values[at], values[at], 255]);
    xray.setAttribute("role", "img");
    xray.setAttribute("aria-label", `X-ray, called ${prediction}`);
    const stack = element("div", {class: "stack"}, xray, ...(map ? [drawnMap(map)] : []));
    const said = `Probability of an effusion ${decimal(probability)}: called `;
    const called = element("p", {class: "called"}, said, element("strong", {}, prediction));
    const none = element("p", {class: "small map"}, "Map: no evidence for an effusion");
    return [stack, ...(map ? [] : [none]), called, bar(probability), ...warnings.map(warned)];
}

function warned(text) {
    return element("p", {class: "warned"}, element("strong", {}, "Warning: "), text);
}

/* The probability as a bar, the threshold as a line across it. */
function bar(probability) {
    const [filled, line] = [element("i"), element("b")];
    filled.style.width = `${100 * probability}%`;
    line.style.left = `${100 * PAGE.threshold}%`;
    return element("div", {class: "bar", "aria-hidden": "true"}, filled, line);
}

function canvas(width, height, colourOf) {
    const made = element("canvas", {width, height});
    const pixels = new ImageData(width, height);
    for (let at = 0; at < width * height; at += 1) pixels.data.set(colourOf(at), 4 * at);
    made.getContext("2d").putImageData(pixels, 0, 0);
    return made;
}

/* A map from 0 to 1; from `capped` on all is drawn alike, as in figures. */
function drawnMap({side, values, capped}) {
    const made = canvas(side, side, (at) => {
        const level = Math.round(255 * Math.min(values[at] / capped, 1));
        return VEIL.subarray(4 * level, 4 * level + 4);
    });
    made.className = "map";
    made.setAttribute("aria-hidden", "true");
    return made;
}

function layOver() {
    for (const map of document.querySelectorAll("#results .map")) map.hidden = !$("looked").checked;
    $("scale").hidden = !$("looked").checked || !document.querySelector("#results .map");
}

/* --- The file of results --- */

function offerResults() {
    const quoted = (value) => (/[",\n\r]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value);
    const line = (row) => row.map((value) => quoted(String(value))).join(",");
    const lines = [COLUMNS, ...rows].map(line);
    URL.revokeObjectURL($("export").href);
    const file = new Blob([lines.join("\n"), "\n"], {type: "text/csv"});
    $("export").href = URL.createObjectURL(file);
}

/* --- Choosing and dropping --- */

$("files").addEventListener("change", () => {
    judgeAll($("files").files);
    $("files").value = ""; // so that the same file can be chosen again
});
$("looked").addEventListener("change", layOver);
for (const kind of ["dragenter", "dragover", "dragleave", "drop"]) {
    addEventListener(kind, (event) => {
        event.preventDefault(); // or the browser would open the file
        $("drop").classList.toggle("over", kind === "dragenter" || kind === "dragover");
    });
}
addEventListener("drop", (event) => judgeAll(event.dataTransfer.files));
