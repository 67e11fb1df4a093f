/* A network of cxr.network.build_network, as cxr.weights reads it: convolutions, the head, dense
   layers. Maps of channels are {side, channels, values}, a place's channels side by side. */

const ACTIVATIONS = {
    linear: (x) => x,
    relu: (x) => Math.max(x, 0),
    leaky_relu: (x) => (x < 0 ? 0.2 * x : x),
    elu: (x) => (x < 0 ? Math.expm1(x) : x),
    selu: (x) => 1.0507009873554805 * (x < 0 ? 1.6732632423543772 * Math.expm1(x) : x),
    gelu: (x) => (x * (1 + errorFunction(x / Math.SQRT2))) / 2,
    silu: (x) => x * sigmoid(x),
    tanh: Math.tanh,
    sigmoid,
};

function sigmoid(x) {
    return 1 / (1 + Math.exp(-x));
}

/* Abramowitz and Stegun, Handbook of Mathematical Functions, 7.1.26: wrong by 1.5e-7 at most. */
function errorFunction(x) {
    const t = 1 / (1 + 0.3275911 * Math.abs(x));
    const terms = [1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592];
    const sum = terms.reduce((higher, term) => (higher + term) * t, 0);
    return Math.sign(x) * (1 - sum * Math.exp(-x * x));
}

/* Weights and biases as typed arrays, from the text that the page holds. */
function unpacked(network) {
    const layer = (packed) => {
        return {...packed, kernel: floats(packed.kernel), bias: floats(packed.bias)};
    };
    const {convolutions, dense} = network;
    return {...network, convolutions: convolutions.map(layer), dense: dense.map(layer)};
}

function floats(text) {
    return new Float32Array(Uint8Array.from(atob(text), (byte) => byte.charCodeAt(0)).buffer);
}

/* With "same" padding: as many pixels before as behind, or one less. */
function convolved({side, channels, values}, layer) {
    const {kernel, bias, size, stride, activation} = layer;
    const filters = bias.length;
    const places = Math.ceil(side / stride);
    const before = Math.floor(Math.max((places - 1) * stride + size - side, 0) / 2);
    const active = ACTIVATIONS[activation];
    const made = new Float32Array(places * places * filters);
    const sums = new Float64Array(filters);
    for (let y = 0; y < places; y += 1) {
        for (let x = 0; x < places; x += 1) {
            sums.set(bias);
            for (let i = 0; i < size; i += 1) {
                const row = y * stride + i - before;
                if (row < 0 || row >= side) continue;
                for (let j = 0; j < size; j += 1) {
                    const column = x * stride + j - before;
                    if (column < 0 || column >= side) continue;
                    const from = (row * side + column) * channels;
                    const weights = (i * size + j) * channels * filters;
                    for (let c = 0; c < channels; c += 1) {
                        const value = values[from + c];
                        if (value === 0) continue;
                        const first = weights + c * filters;
                        for (let f = 0; f < filters; f += 1) sums[f] += value * kernel[first + f];
                    }
                }
            }
            const to = (y * places + x) * filters;
            for (let f = 0; f < filters; f += 1) made[to + f] = active(sums[f]);
        }
    }
    return {side: places, channels: filters, values: made};
}

const POOLINGS = {
    max: (a, b, c, d) => Math.max(a, b, c, d),
    average: (a, b, c, d) => (a + b + c + d) / 4,
};

/* In windows of 2 x 2 places; a last odd row and column are dropped. */
function pooled(maps, pooling) {
    if (pooling === "none") return maps;
    const {side, channels, values} = maps;
    const of = POOLINGS[pooling];
    const half = Math.floor(side / 2);
    const made = new Float32Array(half * half * channels);
    const [right, below] = [channels, side * channels];
    for (let y = 0, to = 0; y < half; y += 1) {
        for (let x = 0; x < half; x += 1) {
            for (let c = 0; c < channels; c += 1, to += 1) {
                const at = (2 * y * side + 2 * x) * channels + c;
                const [a, b] = [values[at], values[at + right]];
                made[to] = of(a, b, values[at + below], values[at + right + below]);
            }
        }
    }
    return {side: half, channels, values: made};
}

/* The mean of each channel and, if the head asks for it, behind them the largest value of each. */
function summarised({side, channels, values}, head) {
    const means = new Float32Array(channels);
    const largest = new Float32Array(channels).fill(-Infinity);
    const sums = new Float64Array(channels);
    values.forEach((value, at) => {
        const channel = at % channels;
        sums[channel] += value;
        if (value > largest[channel]) largest[channel] = value;
    });
    means.set(sums.map((sum) => sum / side ** 2));
    return head === "average" ? means : Float32Array.of(...means, ...largest);
}

function multiplied(inputs, {kernel, bias}) {
    return Float64Array.from(bias, (start, unit) =>
        inputs.reduce((sum, value, i) => sum + value * kernel[i * bias.length + unit], start));
}

/* What the network makes of an image of its own size: the probability of an effusion, the features
   behind the head, and what GradCAM needs: the last convolution's maps and the gradient of the
   logit by the features. */
function run(network, image) {
    let maps = {side: network.side, channels: 1, values: image.values};
    for (const layer of network.convolutions) maps = pooled(convolved(maps, layer), layer.pooling);
    const features = summarised(maps, network.head);
    const sums = [];
    let units = features;
    for (const layer of network.dense) {
        sums.push(multiplied(units, layer));
        units = sums.at(-1).map(ACTIVATIONS[layer.activation]);
    }
    return {probability: units[0], features, maps, gradient: backwards(network.dense, sums)};
}

function backwards(dense, sums) {
    let gradient = [1]; // by the logit
    for (let number = dense.length - 1; number >= 0; number -= 1) {
        const {kernel, bias, activation} = dense[number];
        const slopes = number === dense.length - 1 ? [1] : sums[number].map(slopeOf(activation));
        const before = kernel.length / bias.length;
        const by = slopes.map((slope, unit) => slope * gradient[unit]);
        gradient = Float64Array.from({length: before}, (_, i) =>
            by.reduce((sum, value, unit) => sum + value * kernel[i * bias.length + unit], 0));
    }
    return gradient;
}

function slopeOf(activation) {
    const [of, step] = [ACTIVATIONS[activation], 1e-6];
    return (x) => (of(x) - of(x - step)) / step;
}

/* GradCAM for an effusion (Selvaraju et al., ICCV 2017), at the resolution of the maps. A channel
   counts by the mean of its gradient over all places; the largest value hands its gradient to one
   place, so that this mean is the sum of both gradients by the number of places. */
function gradcam({maps: {side, channels, values}, gradient}) {
    const made = new Float64Array(side * side);
    values.forEach((value, at) => {
        for (let i = at % channels; i < gradient.length; i += channels) {
            made[Math.floor(at / channels)] += (value * gradient[i]) / side ** 2;
        }
    });
    return {width: side, height: side, values: made.map((value) => Math.max(value, 0))};
}
