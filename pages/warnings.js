/* What is said of an image that the network may not be fit to judge: cxr.warnings and
   cxr.familiarity, whose words and numbers the page holds. */

/* Whether enough pixels of {channels, samples} are clearly of a colour. */
function isColoured({channels, samples}, {step, share}) {
    if (channels < 3) return false;
    const enough = (step * (samples instanceof Uint16Array ? 65535 : 255)) / 255;
    let count = 0;
    for (let at = 0; at < samples.length; at += channels) {
        const [red, green, blue] = [samples[at], samples[at + 1], samples[at + 2]];
        if (Math.max(red, green, blue) - Math.min(red, green, blue) > enough) count += 1;
    }
    return count > (share * samples.length) / channels;
}

/* Quarter turns to the right. */
function turned({width, height, values}) {
    const made = values.map((_, at) => {
        const [y, x] = [Math.floor(at / height), at % height];
        return values[(height - 1 - x) * width + y];
    });
    return {width: height, height: width, values: made};
}

/* An image of at most `side` pixels a side. */
function reducedTo(image, side) {
    return image.width <= side ? image : resizedByArea(image, side, side);
}

/* Log of the mean difference of neighbours above each other, and of those side by side. */
function roughness({width, height, values}) {
    let [down, across] = [0, 0];
    for (let y = 0; y < height; y += 1) {
        for (let x = 0; x < width; x += 1) {
            const at = y * width + x;
            if (y + 1 < height) down += Math.abs(values[at + width] - values[at]);
            if (x + 1 < width) across += Math.abs(values[at + 1] - values[at]);
        }
    }
    const means = [down / ((height - 1) * width), across / (height * (width - 1))];
    return means.map((mean) => Math.log(0.001 + mean));
}

function texture(image, {percentages, sides}) {
    const smaller = sides.filter((side) => side < image.width);
    const rough = [...smaller, image.width].flatMap((side) => roughness(reducedTo(image, side)));
    return [...percentiles(image.values, percentages), ...rough];
}

/* Distance by its limit; see the description of `spaces` in schemas/reference.schema.yaml. */
function distance({mean, scale, components, variances, rest, limit}, vector) {
    const standard = mean.map((middle, i) => (vector[i] - middle) / scale[i]);
    let left = standard.reduce((sum, value) => sum + value ** 2, 0);
    let total = 0;
    components.forEach((component, number) => {
        const along = component.reduce((sum, value, i) => sum + value * standard[i], 0);
        left -= along ** 2;
        total += along ** 2 / variances[number];
    });
    return Math.sqrt((total + Math.max(left, 0) / rest) / mean.length) / limit;
}

/* Other views of a thumbnail, by what is wrong where they are the familiar ones. */
const VIEWS = {
    negative: (image) => ({...image, values: image.values.map((value) => -value)}),
    turned_left: turned,
    upside_down: (image) => turned(turned(image)),
    turned_right: (image) => turned(turned(turned(image))),
};

/* How far an image as the network sees it is, above 1 if too far, and then a key of the words. */
function unfamiliarity({spaces}, seen, features, limits) {
    const small = reducedTo(seen, limits.thumbnail);
    const own = distance(spaces.thumbnail, small.values);
    const others = [
        distance(spaces.texture, texture(seen, limits)),
        distance(spaces.features, features),
    ];
    const score = Math.max(own, ...others);
    if (score <= 1) return {score, kind: ""};
    const views = Object.entries(VIEWS).map(([name, view]) =>
        [name, distance(spaces.thumbnail, view(small).values)]);
    const [name, nearest] = views.reduce((best, each) => (each[1] < best[1] ? each : best));
    const righted = own > 1 && nearest <= 1 && nearest < limits.better * own;
    return {score, kind: righted ? name : score > limits.unlike ? "unlike" : "unfamiliar"};
}

/* All warnings about an image, in words, and its distance. */
function warningsOf({words, limits, reference, network}, pixels, seen, {features, maps}) {
    const {width, height} = pixels;
    const [narrowest, widest] = reference.aspect;
    const size = {width, height, side: network.side};
    const holds = {
        small: Math.min(width, height) < network.side,
        coloured: isColoured(pixels, limits.colour),
        shape: width / height < narrowest || width / height > widest,
    };
    const named = Object.keys(holds).filter((name) => holds[name]);
    const {score, kind} = unfamiliarity(reference, seen, features.slice(0, maps.channels), limits);
    const warnings = [...named, kind].filter(Boolean).map((name) =>
        words[name].replace(/{(\w+)}/g, (_, key) => size[key]));
    return {warnings, distance: score};
}
