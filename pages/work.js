/* The worker beside the page: reads a file, runs the network and judges whether it knows such
   images. It is sent the page's data once, then a file at a time, and answers each. */

const SHOWN = 512; // longest side of the picture that goes back, pixels
const MAP_SIDE = 128; // of the map

let page; // what it holds, see scripts/predict_page.py

async function readImage(file) {
    const bytes = new Uint8Array(await file.arrayBuffer());
    if (!bytes.length) throw new Error("empty file");
    if (isPng(bytes)) return readPng(bytes);
    if (bytes[0] === 0xff && bytes[1] === 0xd8) {
        checkCanvas();
        return readJpeg(file);
    }
    throw new Error("not a PNG or JPEG image: for other files, see snakemake predict");
}

/* By the browser's decoder, its colours untouched. */
async function readJpeg(file) {
    const options = {colorSpaceConversion: "none", premultiplyAlpha: "none"};
    const bitmap = await createImageBitmap(file, options).catch(() => {
        throw new Error("truncated, damaged or of a rare kind: it cannot be decoded");
    });
    const {width, height} = bitmap;
    const context = new OffscreenCanvas(width, height).getContext("2d", {willReadFrequently: true});
    context.drawImage(bitmap, 0, 0);
    const samples = context.getImageData(0, 0, width, height).data;
    return {width, height, channels: 4, samples};
}

/* Some browsers change a canvas' pixels so that people cannot be told by them. */
function checkCanvas() {
    const pattern = new ImageData(16, 16);
    pattern.data.forEach((_, at) => { pattern.data[at] = at % 4 === 3 ? 255 : (37 * at) % 256; });
    const context = new OffscreenCanvas(16, 16).getContext("2d", {willReadFrequently: true});
    context.putImageData(pattern, 0, 0);
    const {data} = context.getImageData(0, 0, 16, 16);
    if (data.some((value, at) => value !== pattern.data[at])) {
        throw new Error("this browser changes the pixels that pages read: use a PNG, or allow it");
    }
}

function shown(image) {
    const scale = Math.min(1, SHOWN / Math.max(image.width, image.height));
    const [width, height] = [image.width, image.height].map((length) =>
        Math.max(1, Math.round(length * scale)));
    const {values} = resizedByArea(image, width, height);
    const [low, high] = percentiles(values, [0.5, 99.5]);
    const level = (value) => (255 * (value - low)) / (high - low || 1);
    return {width, height, values: Uint8ClampedArray.from(values, level)};
}

/* A map over the image, from 0 to 1, and what its highest hundredth begins with; null for one that
   is the same everywhere. */
function stretched(map) {
    const [low, high] = extremes(map.values);
    if (!(high - low > 1e-6 * Math.max(Math.abs(high), Math.abs(low)))) return null;
    const {values} = byParts(map, MAP_SIDE, MAP_SIDE, linearParts);
    const [least, most] = extremes(values);
    const scaled = Float32Array.from(values, (value) => (value - least) / (most - least));
    return {side: MAP_SIDE, values: scaled, capped: percentiles(scaled, [99])[0] || 1};
}

function extremes(values) {
    return values.reduce(([low, high], value) => [Math.min(low, value), Math.max(high, value)],
        [Infinity, -Infinity]);
}

function mirrored({width, height, values}) {
    const made = values.slice();
    for (let y = 0; y < height; y += 1) made.subarray(y * width, (y + 1) * width).reverse();
    return {width, height, values: made};
}

async function judged(file) {
    const pixels = await readImage(file);
    const image = greyOf(pixels);
    const {network, facts} = page;
    const seen = resizedByArea(prepared(image, facts.image), network.side, network.side);
    const found = run(network, seen);
    const probability = facts.test_flip
        ? (found.probability + run(network, mirrored(seen)).probability) / 2
        : found.probability;
    return {
        probability,
        ...warningsOf(page, pixels, seen, found),
        picture: shown(image),
        map: stretched(gradcam(found)),
    };
}

addEventListener("message", async ({data}) => {
    if (!(data instanceof File)) {
        page = {...data, network: unpacked(data.network)};
        return;
    }
    try {
        postMessage(await judged(data));
    } catch (error) {
        postMessage({failure: error.message});
    }
});
