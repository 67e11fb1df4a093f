/* The quiz's statistics: those of scripts/cxr/metrics.py and intervals.py, which say where they
   come from, for one run and images of one patient each. A test compares the two.

   A metric is {value, moves, size, classes}: its value (NaN where undefined), how far it moves
   without each image, the number of images that it rests on (of the smaller class where it rests
   on both), and the number of classes that it rests on by themselves. `quantiles` are those of
   Student's t, 97.5 %, for 1, 2, ... degrees of freedom. */

const PRIOR = 0.05;
const DISCORDANT = {accuracy: 0.25, sensitivity: 0.25, specificity: 0.25, auroc: 0};

function sum(values) {
    return values.reduce((total, value) => total + value, 0);
}

function product(first, second) {
    return sum(first.map((value, i) => value * second[i]));
}

/* The share of what is right, [0 or 1, ...], among the images in base, [true or false, ...]. */
function share(right, base = right.map(() => true)) {
    const size = sum(base.map(Number));
    const value = sum(right.filter((_, i) => base[i])) / size;
    const moves = right.map((one, i) => (base[i] ? (one - value) / (size - 1) : 0));
    return {value, moves, size, classes: 1};
}

/* The area under the ROC curve of scores, for labels 0 and 1; ties count half. */
function auroc(labels, scores) {
    const [normals, effusions] = [0, 1].map((label) =>
        scores.filter((_, i) => labels[i] === label));
    const below = (score, others) =>
        sum(others.map((other) => (score > other) + (score === other) / 2)) / others.length;
    const ranks = scores.map((score, i) =>
        labels[i] ? below(score, normals) : 1 - below(score, effusions));
    const value = normals.length ? sum(ranks.filter((_, i) => labels[i])) / effusions.length : NaN;
    const moves = ranks.map((rank, i) =>
        (rank - value) / ((labels[i] ? effusions : normals).length - 1));
    return {value, moves, size: Math.min(normals.length, effusions.length), classes: 2};
}

/* Every metric of a reader, or a network: scores, and whether each is called an effusion. */
function metrics(labels, scores, called) {
    const right = labels.map((label, i) => Number(called[i] === (label === 1)));
    return {
        accuracy: share(right),
        sensitivity: share(right, labels.map((label) => label === 1)),
        specificity: share(right, labels.map((label) => label === 0)),
        auroc: auroc(labels, scores),
    };
}

/* The 95 % interval of a metric, [low, high]; nulls for fewer than two images. */
function interval({value, moves, size, classes}, quantiles) {
    if (size < 2) return [null, null];
    const binomial = value * (1 - value);
    const doubt = PRIOR / (classes * size);
    const count = (binomial + doubt) / (product(moves, moves) + doubt / (classes * size));
    const excess = quantiles[size - 2] ** 2 / count;
    const middle = (value + excess / 2) / (1 + excess);
    const reach = Math.sqrt(excess * binomial + excess ** 2 / 4) / (1 + excess);
    const [low, high] = [Math.max(middle - reach, 0), Math.min(middle + reach, 1)];
    return [Math.min(low, value), Math.max(high, value)];
}

/* One metric minus another of the same name on the same images, paired: [value, low, high]. */
function difference(name, one, other, quantiles) {
    const gap = one.value - other.value;
    if (Math.min(one.size, other.size) < 2) return [gap, null, null];
    const [low, high] = interval(one, quantiles);
    const [otherLow, otherHigh] = interval(other, quantiles);
    const [below, above] = [one.value - low, high - one.value];
    const [otherBelow, otherAbove] = [other.value - otherLow, otherHigh - other.value];
    const shared = correlation(name, one, other);
    return [
        gap,
        gap - extent(below, above, otherBelow, otherAbove, shared),
        gap + extent(above, below, otherAbove, otherBelow, shared),
    ];
}

function correlation(name, one, other) {
    const [first, second] = [one, other].map(({moves, size}) =>
        Math.sqrt(product(moves, moves) + DISCORDANT[name] / size ** 2));
    if (first * second === 0) return 0;
    const shared = product(one.moves, other.moves) / (first * second);
    return Math.min(Math.max(Math.round(shared * 1e12) / 1e12, -1), 1);
}

function extent(below, above, otherBelow, otherAbove, shared) {
    const apart = below ** 2 + otherAbove ** 2;
    if (shared <= 0) return Math.sqrt(apart - 2 * shared * below * otherAbove);
    const together = Math.max(below - otherBelow, otherAbove - above, 0);
    return Math.sqrt((1 - shared) * apart + shared * together ** 2);
}

/* The points [1 - specificity, sensitivity] of an ROC curve, from [0, 0] to [1, 1]; none where all
   images are of one class. */
function roc(labels, scores) {
    if (new Set(labels).size < 2) return [];
    const cuts = [Infinity, ...new Set(scores)].sort((a, b) => b - a);
    return cuts.map((cut) => [0, 1].map((label) => {
        const ofClass = scores.filter((_, i) => labels[i] === label);
        return ofClass.filter((score) => score >= cut).length / ofClass.length;
    }));
}
