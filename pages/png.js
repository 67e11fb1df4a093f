/* The pixels of a PNG to the last bit, as OpenCV reads them: browsers make 8 bits of 16, and change
   colours on the way. */

const SIGNATURE = [137, 80, 78, 71, 13, 10, 26, 10];
const COLOURS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}; // channels by colour type; 4 and 6 have alpha
const PALETTE = 3;
const MAX_PIXELS = 1e8; // as in cxr.images

function isPng(bytes) {
    return SIGNATURE.every((byte, at) => bytes[at] === byte);
}

/* {width, height, channels, samples}, the samples of a pixel side by side, of 8 or 16 bits each.
   Throws an Error that says what is wrong. */
async function readPng(bytes) {
    const {header, palette, packed} = chunksOf(bytes);
    const {width, height, depth, colour} = header;
    const bits = depth * COLOURS[colour];
    const stride = Math.ceil((width * bits) / 8);
    const rows = unfiltered(await inflated(packed), height, stride, Math.ceil(bits / 8));
    const samples = samplesOf(rows, header, stride);
    return colour === PALETTE
        ? {width, height, channels: 3, samples: coloursOf(samples, palette)}
        : {width, height, channels: COLOURS[colour], samples: widened(samples, depth)};
}

function chunksOf(bytes) {
    const view = viewOf(bytes);
    const found = {palette: new Uint8Array(0), packed: []};
    for (let at = 8; at + 8 <= bytes.length;) {
        const length = view.getUint32(at);
        const kind = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
        const body = bytes.subarray(at + 8, at + 8 + length);
        if (at + 12 + length > bytes.length) break;
        if (kind === "IHDR") found.header = headerOf(viewOf(body));
        if (kind === "PLTE") found.palette = body;
        if (kind === "IDAT") found.packed.push(body);
        if (kind === "acTL") throw new Error("several frames: one image a file is read");
        if (kind === "eXIf" && isTurned(body)) {
            throw new Error("turned by its EXIF orientation: save it upright");
        }
        if (kind === "IEND" && found.header) return found;
        at += 12 + length;
    }
    throw new Error("truncated: the file ends too early");
}

function viewOf(bytes) {
    return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function headerOf(view) {
    const [width, height] = [view.getUint32(0), view.getUint32(4)];
    const [depth, colour, , , interlaced] = [8, 9, 10, 11, 12].map((at) => view.getUint8(at));
    if (!width || !height || !(colour in COLOURS) || ![1, 2, 4, 8, 16].includes(depth)) {
        throw new Error("damaged: it cannot be decoded");
    }
    if (width * height > MAX_PIXELS) throw new Error("more than 100 million pixels");
    if (interlaced) throw new Error("an interlaced PNG: save it without interlacing");
    return {width, height, depth, colour};
}

/* Whether EXIF data (a small TIFF file) say that the image is to be turned or mirrored. */
function isTurned(body) {
    const view = viewOf(body);
    try {
        const little = view.getUint8(0) === 73;
        const start = view.getUint32(4, little);
        for (let entry = 0; entry < view.getUint16(start, little); entry += 1) {
            const at = start + 2 + 12 * entry;
            if (view.getUint16(at, little) === 0x112) return view.getUint16(at + 8, little) > 1;
        }
    } catch {
        return false; // damaged
    }
    return false;
}

async function inflated(parts) {
    const stream = new Blob(parts).stream().pipeThrough(new DecompressionStream("deflate"));
    try {
        return new Uint8Array(await new Response(stream).arrayBuffer());
    } catch {
        throw new Error("truncated or damaged: it cannot be decoded");
    }
}

/* Undo what each row's filter did (PNG specification, section 9); `step` is a pixel's bytes. */
function unfiltered(data, height, stride, step) {
    if (data.length < height * (stride + 1)) throw new Error("truncated: the file ends too early");
    const rows = new Uint8Array(height * stride);
    for (let y = 0; y < height; y += 1) {
        const filter = data[y * (stride + 1)];
        const [from, to] = [y * (stride + 1) + 1, y * stride];
        for (let x = 0; x < stride; x += 1) {
            const left = x < step ? 0 : rows[to + x - step];
            const up = y ? rows[to + x - stride] : 0;
            const corner = y && x >= step ? rows[to + x - stride - step] : 0;
            rows[to + x] = data[from + x] + predicted(filter, left, up, corner);
        }
    }
    return rows;
}

function predicted(filter, left, up, corner) {
    switch (filter) {
        case 1: return left;
        case 2: return up;
        case 3: return (left + up) >> 1;
        case 4: return nearest(left, up, corner);
        default: return 0;
    }
}

/* Paeth's predictor. */
function nearest(left, up, corner) {
    const [a, b] = [Math.abs(up - corner), Math.abs(left - corner)];
    const c = Math.abs(left + up - 2 * corner);
    if (a <= b && a <= c) return left;
    return b <= c ? up : corner;
}

/* The numbers in rows of 1, 2, 4, 8 or 16 bits each. */
function samplesOf(rows, {width, height, depth, colour}, stride) {
    if (depth === 8) return rows;
    const across = width * COLOURS[colour];
    const samples = new (depth === 16 ? Uint16Array : Uint8Array)(height * across);
    for (let y = 0, at = 0; y < height; y += 1) {
        for (let x = 0; x < across; x += 1, at += 1) {
            const bit = x * depth;
            const byte = y * stride + (bit >> 3);
            samples[at] = depth === 16
                ? (rows[byte] << 8) | rows[byte + 1]
                : (rows[byte] >> (8 - depth - (bit & 7))) & (2 ** depth - 1);
        }
    }
    return samples;
}

/* Fewer than 8 bits become 8. */
function widened(samples, depth) {
    return depth < 8 ? samples.map((value) => (value * 255) / (2 ** depth - 1)) : samples;
}

function coloursOf(samples, palette) {
    const made = new Uint8Array(3 * samples.length);
    samples.forEach((colour, at) => made.set(palette.subarray(3 * colour, 3 * colour + 3), 3 * at));
    return made;
}
