/* The view of an X-ray: zoom, position, window and level, by mouse, touch and keys. */

const ZOOM = {least: 1, most: 10, step: 1.3, wheel: 0.002};
const STEP = 40; // pixels that an arrow key moves the X-ray
const view = {scale: 1, x: 0, y: 0}; // x and y in pixels from the middle
const pointers = new Map(); // that are down, by id: {x, y}

function clamped(value, low, high) {
    return Math.min(Math.max(value, low), high);
}

function resetView() {
    Object.assign(view, {scale: 1, x: 0, y: 0});
    $("window").value = 100;
    $("level").value = 50;
    drawView();
}

function drawView() {
    const {width, height} = $("viewer").getBoundingClientRect();
    const reach = (view.scale - 1) / 2;
    view.x = clamped(view.x, -reach * width, reach * width);
    view.y = clamped(view.y, -reach * height, reach * height);
    $("xray").style.transform = `translate(${view.x}px, ${view.y}px) scale(${view.scale})`;
    const slope = 100 / $("window").value;
    for (const channel of $("greys").firstElementChild.children) {
        channel.setAttribute("slope", slope);
        channel.setAttribute("intercept", 0.5 - slope * ($("level").value / 100));
    }
    const held = view.scale > 1 || $("grey").checked;
    $("viewer").style.touchAction = held ? "none" : "pan-y"; // where a finger scrolls the page
}

function move(x, y) {
    view.x += x;
    view.y += y;
    drawView();
}

/* Zoom about a point, in pixels from the middle, which stays where it is. */
function zoom(factor, {x, y} = {x: 0, y: 0}) {
    const scale = clamped(view.scale * factor, ZOOM.least, ZOOM.most);
    const ratio = scale / view.scale;
    Object.assign(view, {scale, x: x - (x - view.x) * ratio, y: y - (y - view.y) * ratio});
    drawView();
}

function setGreys(across, down) {
    $("window").value = Number($("window").value) + across / 2;
    $("level").value = Number($("level").value) + down / 4;
    drawView();
}

function fromMiddle({clientX, clientY}) {
    const {left, top, width, height} = $("viewer").getBoundingClientRect();
    return {x: clientX - left - width / 2, y: clientY - top - height / 2};
}

/* One pointer moves the X-ray or sets its greys, two zoom about the point between them. */
function drag(event) {
    if (!pointers.has(event.pointerId)) return;
    const [before, after] = [pointers.get(event.pointerId), fromMiddle(event)];
    const [x, y] = [after.x - before.x, after.y - before.y];
    const other = [...pointers].find(([id]) => id !== event.pointerId)?.[1];
    pointers.set(event.pointerId, after);
    if (other) {
        const [was, is] = [before, after].map((at) => Math.hypot(at.x - other.x, at.y - other.y));
        zoom(is / Math.max(was, 1), {x: (after.x + other.x) / 2, y: (after.y + other.y) / 2});
        move(x / 2, y / 2);
    } else if ($("grey").checked || event.buttons & 2) {
        setGreys(x, y);
    } else {
        move(x, y);
    }
}

const VIEW_KEYS = {
    "+": () => zoom(ZOOM.step),
    "=": () => zoom(ZOOM.step),
    "-": () => zoom(1 / ZOOM.step),
    0: resetView,
    ArrowLeft: () => move(STEP, 0),
    ArrowRight: () => move(-STEP, 0),
    ArrowUp: () => move(0, STEP),
    ArrowDown: () => move(0, -STEP),
};

function pressInView(event) {
    const scrolls = event.key.startsWith("Arrow") && view.scale === 1; // the page, that is
    if (!(event.key in VIEW_KEYS) || scrolls || event.target.type === "range") return;
    VIEW_KEYS[event.key]();
    event.preventDefault();
}

function watchView() {
    $("closer").addEventListener("click", () => zoom(ZOOM.step));
    $("farther").addEventListener("click", () => zoom(1 / ZOOM.step));
    $("reset").addEventListener("click", resetView);
    for (const id of ["window", "level", "grey"]) $(id).addEventListener("input", drawView);
    const viewer = $("viewer");
    viewer.addEventListener("contextmenu", (event) => event.preventDefault());
    viewer.addEventListener("pointerdown", (event) => {
        viewer.setPointerCapture(event.pointerId);
        pointers.set(event.pointerId, fromMiddle(event));
    });
    viewer.addEventListener("pointermove", drag);
    viewer.addEventListener("lostpointercapture", (event) => pointers.delete(event.pointerId));
    const turn = (event) => {
        if (view.scale === 1 && event.deltaY > 0) return; // the page scrolls
        zoom(Math.exp(-event.deltaY * ZOOM.wheel), fromMiddle(event));
        event.preventDefault();
    };
    viewer.addEventListener("wheel", turn, {passive: false});
    addEventListener("resize", drawView);
}
