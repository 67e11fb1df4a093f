/* What the pages share: finding and making elements, and words. All text goes in as text. */

const KINDS = ["normal", "effusion"]; // by label
const SVG = "http://www.w3.org/2000/svg";

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

function decimal(value, sign = "") {
    const text = Math.abs(value).toFixed(2);
    return (Number(text) === 0 ? "" : value < 0 ? "−" : sign) + text;
}

function percent(value) {
    return `${Math.round(100 * value)}\u00a0%`;
}

function counted(number, word) {
    return `${number} ${word}${number === 1 ? "" : "s"}`;
}
