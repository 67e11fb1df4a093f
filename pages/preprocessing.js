/* From grey values to what the network sees, as cxr.images.prepare and cxr.batches.reduce_image do
   it with OpenCV. An image is {width, height, values}, its rows one behind the other. */

/* The grey image of {width, height, channels, samples}, by luminance, as cv2.cvtColor rounds it;
   transparency is dropped. */
function greyOf({width, height, channels, samples}) {
    if (channels === 1) return {width, height, values: samples};
    const values = new samples.constructor(width * height);
    for (let i = 0, at = 0; i < values.length; i += 1, at += channels) {
        const [red, green, blue] = [samples[at], samples[at + 1], samples[at + 2]];
        const luminance = (9798 * red + 19235 * green + 3735 * blue + 16384) / 32768;
        values[i] = channels === 2 ? red : luminance;
    }
    return {width, height, values};
}

/* Along an axis, the old pixels that each new one is made of: {places, weights}. */
function areaParts(from, to) {
    const scale = from / to;
    return Array.from({length: to}, (_, place) => {
        const [low, high] = [place * scale, Math.min((place + 1) * scale, from)];
        const [places, weights] = [[], []];
        for (let old = Math.floor(low); old < high; old += 1) {
            places.push(old);
            weights.push((Math.min(old + 1, high) - Math.max(old, low)) / (high - low));
        }
        return {places, weights};
    });
}

function linearParts(from, to) {
    const scale = from / to;
    return Array.from({length: to}, (_, place) => {
        const at = Math.fround((place + 0.5) * scale - 0.5);
        return between(Math.floor(at), at - Math.floor(at), from);
    });
}

/* What OpenCV makes of area where an axis grows. */
function growingParts(from, to) {
    const scale = from / to;
    return Array.from({length: to}, (_, place) => {
        const first = Math.floor(place * scale);
        const share = place + 1 - (first + 1) / scale;
        return between(first, share <= 0 ? 0 : share - Math.floor(share), from);
    });
}

/* Beyond its ends, an axis goes on with its first or last pixel. */
function between(first, share, from) {
    const places = [first, first + 1].map((place) => Math.min(Math.max(place, 0), from - 1));
    return {places, weights: [1 - share, share]};
}

/* The weighted sums along both axes; `term` is how a weight counts in the second one. */
function combined({width, height, values}, across, down, term = (weight, sum) => weight * sum) {
    const rows = new Float64Array(height * across.length);
    for (let y = 0, at = 0; y < height; y += 1) {
        for (const {places, weights} of across) {
            let sum = 0;
            for (let i = 0; i < places.length; i += 1) {
                sum += weights[i] * values[y * width + places[i]];
            }
            rows[at] = sum;
            at += 1;
        }
    }
    const made = new Float64Array(down.length * across.length);
    down.forEach(({places, weights}, y) => {
        for (let x = 0; x < across.length; x += 1) {
            let sum = 0;
            for (let i = 0; i < places.length; i += 1) {
                sum += term(weights[i], rows[places[i] * across.length + x]);
            }
            made[y * across.length + x] = sum;
        }
    });
    return {width: across.length, height: down.length, values: made};
}

function byParts(image, width, height, parts) {
    return combined(image, parts(image.width, width), parts(image.height, height));
}

/* cv2.INTER_AREA of floating-point numbers. */
function resizedByArea(image, width, height) {
    if (image.width === width && image.height === height) return image;
    const grows = image.width < width || image.height < height;
    return byParts(image, width, height, grows ? growingParts : areaParts);
}

/* cv2.INTER_LINEAR of whole numbers of 8 or 16 bits, which come out as whole numbers. */
function resizedBilinearly(image, width, height) {
    if (image.values instanceof Uint16Array) {
        const made = byParts(image, width, height, linearParts);
        return {...made, values: made.values.map(nearestEven)};
    }
    if (image.width === 2 * width && image.height === 2 * height) {
        const made = byParts(image, width, height, areaParts);
        return {...made, values: made.values.map(Math.round)};
    }
    const [across, down] = [[image.width, width], [image.height, height]].map(([from, to]) =>
        linearParts(from, to).map(({places, weights}) =>
            ({places, weights: weights.map((weight) => Math.round(2048 * weight))})));
    const made = combined(image, across, down, (weight, sum) => (weight * (sum >> 4)) >> 16);
    return {...made, values: made.values.map((value) => (value + 2) >> 2)};
}

/* The nearest whole number; of two that are as near, the even one. */
function nearestEven(value) {
    const above = Math.round(value);
    return above - value === 0.5 && above % 2 ? above - 1 : above;
}

function statistics(values) {
    let [sum, squares] = [0, 0];
    for (const value of values) sum += value;
    const mean = sum / values.length;
    for (const value of values) squares += (value - mean) ** 2;
    return {mean, deviation: Math.sqrt(squares / values.length)};
}

/* An image as images.npy holds it: size x size, mean 0, standard deviation 1. */
function prepared(image, {size, resize}) {
    const resized = resize === "area" ? resizedByArea : resizedBilinearly;
    const {values} = resized(image, size, size);
    const {mean, deviation} = statistics(values);
    if (deviation < 1e-6) throw new Error(`no contrast at ${size}x${size} pixels`);
    const scaled = Float32Array.from(values, (value) => (value - mean) / deviation);
    return {width: size, height: size, values: scaled};
}

/* np.percentile. */
function percentiles(values, shares) {
    const sorted = Float64Array.from(values).sort();
    return shares.map((share) => {
        const at = (share / 100) * (sorted.length - 1);
        const low = Math.floor(at);
        const high = Math.min(low + 1, sorted.length - 1);
        return sorted[low] + (at - low) * (sorted[high] - sorted[low]);
    });
}
