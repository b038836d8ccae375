// Draws every moving figure of the course: axes, a background picture, paths and points.
// In a stored page downhill/figures.py puts it in front of a call of `still`, which draws from a table.
// Live in Jupyter it stands in front of widget.js: the kernel computes, this file draws.
// Python has mapped all coordinates to the axes: 0 … UNITS from left to right and from bottom to top.

const UNITS = 4096;
const DASHES = [[], [9, 4], [2, 3], [9, 3, 2, 3]];
const CORNERS = [[64, 0], [4, Math.PI / 4], [4, 0], [3, -Math.PI / 2]]; // circle, square, diamond, triangle
const INK = "#222222";
const MARGIN = 14;

function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

// The vertices of a path, stored as differences: all of them, or the first `upto`.
function vertices(path) {
  const xy = [];
  const end = 2 * Math.min(path.d.length / 2, path.upto ?? Infinity);
  for (let i = 0, x = 0, y = 0; i < end; i += 2) xy.push([(x += path.d[i]), (y += path.d[i + 1])]);
  return xy;
}

function drawMarker(ctx, path, x, y, radius) {
  const [corners, turn] = CORNERS[path.shape];
  ctx.beginPath();
  for (let i = 0; i < corners; i++) {
    const angle = turn + (2 * Math.PI * i) / corners;
    ctx.lineTo(x + radius * Math.cos(angle), y + radius * Math.sin(angle));
  }
  ctx.closePath();
  ctx.setLineDash([]);
  ctx.lineWidth = 2;
  ctx.strokeStyle = "white";
  ctx.stroke();
  ctx.fillStyle = path.color;
  ctx.fill();
}

function drawLine(ctx, xy, color, width, dash) {
  ctx.beginPath();
  for (const [x, y] of xy) ctx.lineTo(x, y);
  Object.assign(ctx, { lineJoin: "round", strokeStyle: color, lineWidth: width });
  ctx.setLineDash(dash);
  ctx.stroke();
}

// Draws one path whose vertices are in pixels; `halo` draws only the white rim that sets its line off.
function drawPath(ctx, path, xy, halo) {
  if (!xy.length) return;
  if (path.line && halo) drawLine(ctx, xy, "white", 4.5, []);
  if (halo) return;
  if (path.line) drawLine(ctx, xy, path.color, 2.2, DASHES[path.dash]);
  if (path.markers) for (const [x, y] of xy) drawMarker(ctx, path, x, y, path.tag === undefined ? 3.5 : 6);
  const [x, y] = xy[xy.length - 1];
  if (path.upto) drawMarker(ctx, path, x, y, 6);
  if (path.tag) {
    const right = x + ctx.measureText(path.tag).width + 14 < ctx.canvas.clientWidth - MARGIN;
    ctx.textAlign = right ? "left" : "right";
    ctx.setLineDash([]);
    ctx.lineWidth = 4;
    ctx.strokeStyle = "white";
    ctx.strokeText(path.tag, x + (right ? 9 : -9), y);
    ctx.fillStyle = INK;
    ctx.fillText(path.tag, x + (right ? 9 : -9), y);
  }
}

// Labels in rows above the axes; returns the height they take.
function drawLegend(ctx, paths, left, right, draw) {
  let x = left, y = 14;
  const labelled = paths.filter((path) => path.label);
  for (const path of labelled) {
    const width = 40 + ctx.measureText(path.label).width;
    if (x > left && x + width > right) [x, y] = [left, y + 20];
    if (draw) {
      drawPath(ctx, { ...path, upto: undefined }, [[x, y], [x + 26, y]], false);
      ctx.fillStyle = INK;
      ctx.textAlign = "left";
      ctx.fillText(path.label, x + 33, y);
    }
    x += width + 14;
  }
  return labelled.length ? y + 14 : 8;
}

function drawTicks(ctx, ticks, room, draw) {
  const widest = Math.max(1, ...ticks.map(([, label]) => room.size(label)));
  const stride = Math.max(1, Math.ceil(widest / (room.length / Math.max(1, ticks.length))));
  ticks.forEach(([at, label], i) => i % stride || draw(at, label));
}

function draw(canvas, axes, image, scene) {
  const ctx = canvas.getContext("2d");
  const width = canvas.clientWidth;
  const density = window.devicePixelRatio || 1;
  const font = () => Object.assign(ctx, { font: "13px system-ui, sans-serif", textBaseline: "middle" });
  font();
  const yWidth = Math.max(...axes.yticks.map(([, label]) => ctx.measureText(label).width), 8);
  const left = (axes.ylabel ? 30 : 12) + yWidth, right = width - MARGIN, w = right - left, h = w * axes.ratio;
  const top = drawLegend(ctx, scene.paths, left, right, false);
  const bottom = top + h;
  const height = bottom + (axes.xlabel ? 46 : 28);
  canvas.width = Math.round(width * density);
  canvas.height = Math.round(height * density);
  canvas.style.height = `${height}px`;
  ctx.scale(density, density);
  font();
  ctx.fillStyle = "white";
  ctx.fillRect(0, 0, width, height);
  drawLegend(ctx, scene.paths, left, right, true);
  if (image.naturalWidth) ctx.drawImage(image, left, top, w, h);
  const toX = (u) => left + (w * u) / UNITS, toY = (v) => bottom - (h * v) / UNITS;
  ctx.save();
  ctx.beginPath();
  ctx.rect(left, top, w, h);
  ctx.clip();
  const pixels = scene.paths.map((path) => vertices(path).map(([x, y]) => [toX(x), toY(y)]));
  for (const halo of [true, false]) scene.paths.forEach((path, i) => drawPath(ctx, path, pixels[i], halo));
  ctx.restore();
  ctx.setLineDash([]);
  ctx.lineWidth = 1;
  ctx.strokeStyle = ctx.fillStyle = INK;
  ctx.strokeRect(left, top, w, h);
  ctx.textAlign = "center";
  drawTicks(ctx, axes.xticks, { length: w, size: (label) => ctx.measureText(label).width + 12 }, (at, label) => {
    ctx.fillRect(toX(at) - 0.5, bottom, 1, 5);
    ctx.fillText(label, toX(at), bottom + 15);
  });
  ctx.fillText(axes.xlabel, left + w / 2, height - 12);
  ctx.textAlign = "right";
  drawTicks(ctx, axes.yticks, { length: h, size: () => 18 }, (at, label) => {
    ctx.fillRect(left - 5, toY(at) - 0.5, 5, 1);
    ctx.fillText(label, left - 8, toY(at));
  });
  ctx.translate(12, top + h / 2);
  ctx.rotate(-Math.PI / 2);
  ctx.textAlign = "center";
  ctx.fillText(axes.ylabel, 0, 0);
}

// Plays the first slider of a figure from its first to its last position.
function playButton(input, seconds, announce) {
  const button = element("button", { type: "button", "data-lm-suppress-shortcuts": "true" }, "Play");
  const last = Number(input.max);
  const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  let timer = 0;
  const stop = () => {
    cancelAnimationFrame(timer);
    timer = 0;
    button.textContent = "Play";
    announce("polite");
  };
  button.addEventListener("click", () => {
    if (timer) return stop();
    const first = Number(input.value) < last ? Number(input.value) : 0;
    const begin = performance.now();
    const jump = still ? Math.ceil(last / 10) : 1; // ten pictures instead of a film
    button.textContent = "Pause";
    announce("off");
    const tick = (now) => {
      const frame = first + (Math.max(0, now - begin) / 1000 / seconds) * last;
      input.value = Math.min(last, jump * Math.floor(frame / jump));
      if (frame >= last || !button.isConnected) stop();
      else timer = requestAnimationFrame(tick);
      input.dispatchEvent(new Event("input"));
    };
    timer = requestAnimationFrame(tick);
  });
  input.addEventListener("input", (event) => event.isTrusted && timer && stop());
  return button;
}

// Builds sliders, canvas and status line in `stage`; `moved` hears of new positions; returns how to show a scene.
function build(stage, spec, moved) {
  const status = element("output", { role: "status", "aria-live": "polite" });
  const canvas = element("canvas", { role: "img", "aria-label": spec.alt });
  const controls = element("div", { class: "dh-controls" });
  const inputs = spec.sliders.map(({ label, values, start }) => {
    const input = element("input", { type: "range", min: 0, max: values.length - 1, step: 1, value: start,
      "data-lm-suppress-shortcuts": "true" });
    const value = element("span", { class: "dh-value", "aria-hidden": "true" });
    const say = () => {
      value.textContent = values[input.value];
      input.setAttribute("aria-valuetext", values[input.value]);
    };
    say();
    input.addEventListener("input", () => {
      say();
      moved(inputs.map((each) => Number(each.value)));
    });
    controls.append(element("label", {}, element("span", {}, label), input), value);
    return input;
  });
  if (spec.seconds) controls.prepend(playButton(inputs[0], spec.seconds, (how) => (status.ariaLive = how)));
  let scene = { paths: [], text: "" };
  const image = new Image();
  const redraw = () => canvas.clientWidth && draw(canvas, spec.axes, image, scene);
  stage.style.maxWidth = `${spec.axes.width}px`;
  stage.replaceChildren(controls, canvas, status);
  new ResizeObserver(redraw).observe(stage);
  image.onload = redraw;
  if (spec.background) image.src = spec.background;
  return (next) => {
    scene = next;
    status.textContent = scene.text;
    redraw();
  };
}

// Without a kernel: the scenes of all slider positions stand in a table; an animation's are prefixes of its paths.
function still(id, spec, table) {
  const sceneAt = (position) => {
    if (spec.seconds) {
      const steps = spec.sliders[0].values;
      return { paths: table.paths.map((path) => (path.line ? { ...path, upto: position[0] + 1 } : path)),
        text: `Step ${steps[position[0]]} of ${steps[steps.length - 1]}` };
    }
    const index = position.reduce((sum, at, i) => sum * spec.sliders[i].values.length + at, 0);
    const [paths, text] = table.scenes[index];
    return { paths: paths.map((i) => table.paths[i]), text };
  };
  for (const root of document.querySelectorAll(`[id="${id}"]:not([data-ready])`)) {
    root.dataset.ready = "";
    const show = build(root.querySelector(".dh-stage"), spec, (position) => show(sceneAt(position)));
    show(sceneAt(spec.sliders.map((slider) => slider.start)));
  }
}
