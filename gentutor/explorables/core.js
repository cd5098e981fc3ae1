// What the explorables share: elements, controls, axes, a seeded generator, and a few numbers.
// No framework and no state of its own. Python inlines this file into each explorable when it serves it.

// ---- elements -------------------------------------------------------------------------------------------------

const apply = (node, attrs, children) => {
  for (const [name, value] of Object.entries(attrs ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat().filter((c) => c !== null && c !== undefined));
  return node;
};

/** An HTML element: h("p", { class: "note", onclick: f }, "text", child). */
export const h = (tag, attrs, ...children) => apply(document.createElement(tag), attrs, children);

/** An SVG element, by the same rules. */
export const s = (tag, attrs, ...children) =>
  apply(document.createElementNS("http://www.w3.org/2000/svg", tag), attrs, children);

/** Set attributes of an element that exists. */
export const set = (node, attrs) => apply(node, attrs, []);

let count = 0;
/** An id that is unique on the page. */
export const uid = (stem) => `gt-${stem}-${(count += 1)}-${Math.random().toString(36).slice(2, 7)}`;

/** A number as text, with a real minus sign and ∞; "–" for what is not a number. */
export const fmt = (x, digits = 3) => {
  if (Number.isNaN(x)) return "–";
  if (!Number.isFinite(x)) return x > 0 ? "∞" : "−∞";
  const text = x.toFixed(digits);
  return Number(text) === 0 ? text.replace("-", "") : text.replace("-", "−");
};

// ---- state ----------------------------------------------------------------------------------------------------

/** Call `update` once a frame after any of the traits changed, from here or from Python. Returns how to stop. */
export const watch = (model, names, update) => {
  let pending = 0;
  const later = () => {
    pending ||= requestAnimationFrame(() => {
      pending = 0;
      update();
    });
  };
  for (const name of names) model.on(`change:${name}`, later);
  return () => {
    cancelAnimationFrame(pending);
    for (const name of names) model.off(`change:${name}`, later);
  };
};

/** Set several traits and save them together. */
export const change = (model, values) => {
  for (const [name, value] of Object.entries(values)) model.set(name, value);
  model.save_changes();
};

/** The named traits as a plain object. */
export const state = (model, names) => Object.fromEntries(names.map((name) => [name, model.get(name)]));

// ---- controls: native inputs with labels ----------------------------------------------------------------------

/** A labelled range. `format` gives the text that is shown and read aloud. Returns { el, set(value) }. */
export const slider = ({ label, min, max, step, value, format = (v) => fmt(v, 2), onInput }) => {
  const id = uid("slider");
  const output = h("output", { for: id, class: "gt-value" });
  const input = h("input", { id, type: "range", min, max, step, "data-lm-suppress-shortcuts": "true" });
  const show = (v) => {
    input.value = v;
    output.textContent = format(v);
    input.setAttribute("aria-valuetext", format(v));
  };
  input.addEventListener("input", () => {
    const v = Number(input.value);
    show(v);
    onInput(v);
  });
  show(value);
  return { el: h("div", { class: "gt-control" }, h("label", { for: id }, label), output, input), set: show };
};

/** A labelled list of choices, as a native select, `wide`: below its label. options: { value: text }. Returns { el, set(value) }. */
export const choice = ({ label, options, value, wide = false, onChange }) => {
  const id = uid("choice");
  const select = h("select", { id, class: wide && "gt-wide", onchange: () => onChange(select.value) });
  for (const [key, text] of Object.entries(options)) select.append(h("option", { value: key }, text));
  select.value = value;
  return {
    el: h("div", { class: "gt-control" }, h("label", { for: id }, label), select),
    set: (v) => {
      select.value = v;
    },
  };
};

/** A row of buttons. actions: { text: function }. */
export const buttons = (label, actions) =>
  h(
    "div",
    { class: "gt-buttons", role: "group", "aria-label": label },
    h("span", { class: "gt-buttons-label", "aria-hidden": "true" }, label),
    Object.entries(actions).map(([text, onclick]) => h("button", { type: "button", onclick }, text)),
  );

/** The one live sentence: shown at once, announced when the reader pauses. Returns { el, say(text) }. */
export const sentence = () => {
  const shown = h("p", { class: "gt-sentence", "aria-hidden": "true" });
  const spoken = h("p", { class: "gt-hidden", role: "status", "aria-live": "polite" });
  let timer = 0;
  const say = (text) => {
    if (shown.textContent === text) return;
    shown.textContent = text;
    clearTimeout(timer);
    timer = setTimeout(() => {
      spoken.textContent = text;
    }, 700);
  };
  return { el: h("div", {}, shown, spoken), say };
};

// ---- pictures: ink on paper in both themes, as the digits are ---------------------------------------------------

/** A canvas for `paintInk`, its pixels kept sharp. */
export const inkCanvas = (style) => h("canvas", { role: "img", style: `image-rendering: pixelated; border: 1px solid var(--edge); border-radius: 4px; ${style}` });

/** Square images of ink from 0 to 1, rows from the top, side by side in so many columns; a null is left blank. */
export const paintInk = (canvas, images, { side = 28, columns = images.length, gap = 1 } = {}) => {
  const pitch = side + gap;
  const [width, height] = [columns * pitch - gap, Math.ceil(images.length / columns) * pitch - gap];
  Object.assign(canvas, { width, height });
  const context = canvas.getContext("2d");
  const data = context.createImageData(width, height);
  images.forEach((image, n) => {
    const [left, top] = [(n % columns) * pitch, Math.floor(n / columns) * pitch];
    image?.forEach((v, i) => data.data.set([251 - 220 * v, 250 - 214 * v, 246 - 198 * v, 255], 4 * ((top + Math.floor(i / side)) * width + left + (i % side))));
  });
  context.putImageData(data, 0, 0);
};

// ---- axes -----------------------------------------------------------------------------------------------------

/** About `n` round tick positions in [low, high]. */
export const ticks = (low, high, n = 6) => {
  const raw = (high - low) / n;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((m) => m * power).find((v) => v >= raw);
  const found = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i += 1) found.push(i * step);
  return found;
};

/**
 * Axes in SVG that keep their text at reading size at every width.
 * x, y: [low, high]. title: what a screen reader says the picture is. xTicks, yTicks: positions, or a count.
 * Marks are made once and moved: line(attrs).to([[x, y]…]), area(attrs).to(points, base), text(attrs).to(x, y, string),
 * rule(attrs).to(x) for a vertical rule, handle({…}).to(x, y), point({…}).to(x, y).
 * `redraw` is called after the width changed; the caller then moves its marks.
 */
export const plot = ({
  x, y, height = 220, title, xLabel = null, xTicks = 7, yTicks = 0, tickText = (v) => String(Number(v.toFixed(6))).replace("-", "−"),
  margin = {}, redraw = () => {},
}) => {
  const m = { top: 10, right: 12, bottom: xLabel ? 38 : 24, left: yTicks ? 40 : 12, ...margin };
  const svg = s("svg", { class: "gt-plot", role: "group", "aria-label": title, height });
  const frame = s("g", { class: "gt-axes", "aria-hidden": "true" });
  const marks = s("g", {});
  svg.append(frame, marks);
  let width = 640;
  const view = { svg, marks, x, y, height, margin: m };
  view.X = (v) => m.left + ((v - view.x[0]) / (view.x[1] - view.x[0])) * (width - m.left - m.right);
  view.Y = (v) => height - m.bottom - ((v - view.y[0]) / (view.y[1] - view.y[0])) * (height - m.top - m.bottom);
  view.invertX = (px) => view.x[0] + ((px - m.left) / (width - m.left - m.right)) * (view.x[1] - view.x[0]);
  view.invertY = (py) => view.y[0] + ((height - m.bottom - py) / (height - m.top - m.bottom)) * (view.y[1] - view.y[0]);
  view.width = () => width;
  view.clamp = (v, [low, high]) => Math.min(high, Math.max(low, v));

  view.axes = () => {
    set(svg, { viewBox: `0 0 ${width} ${height}`, width });
    const base = height - m.bottom;
    const xs = Array.isArray(xTicks) ? xTicks : ticks(...view.x, Math.min(xTicks, width / 60));
    const ys = Array.isArray(yTicks) ? yTicks : yTicks ? ticks(...view.y, yTicks) : [];
    frame.replaceChildren(
      s("line", { x1: m.left, x2: width - m.right, y1: base, y2: base }),
      ...xs.flatMap((v) => [
        s("line", { x1: view.X(v), x2: view.X(v), y1: base, y2: base + 4 }),
        s("text", { x: view.X(v), y: base + 17, "text-anchor": "middle" }, tickText(v)),
      ]),
      ...ys.flatMap((v) => [
        s("line", { class: "gt-grid", x1: m.left, x2: width - m.right, y1: view.Y(v), y2: view.Y(v) }),
        s("text", { x: m.left - 6, y: view.Y(v) + 4, "text-anchor": "end" }, tickText(v)),
      ]),
      ...(xLabel ? [s("text", { x: (m.left + width - m.right) / 2, y: height - 4, "text-anchor": "middle" }, xLabel)] : []),
    );
  };

  /** The rectangle of the axes, as attributes of a rect or an image. */
  view.inside = () => ({ x: m.left, y: m.top, width: width - m.left - m.right, height: height - m.top - m.bottom });
  /** Make a unit as long across as up: x grows or shrinks about its middle. Draws the axes. */
  view.square = () => {
    const inside = view.inside();
    const middle = (view.x[0] + view.x[1]) / 2;
    const half = ((view.y[1] - view.y[0]) / 2) * (inside.width / inside.height);
    view.x = [middle - half, middle + half];
    view.axes();
  };

  const path = (points) =>
    points.map(([a, b], i) => `${i ? "L" : "M"}${view.X(a).toFixed(2)},${view.Y(b).toFixed(2)}`).join("");
  const mark = (node, to) => {
    marks.append(node);
    return { node, to };
  };
  view.line = (attrs) => {
    const node = s("path", { fill: "none", ...attrs });
    return mark(node, (points) => set(node, { d: path(points) }));
  };
  view.area = (attrs) => {
    const node = s("path", attrs);
    return mark(node, (points, base = 0) => {
      const [first, last] = [points[0][0], points[points.length - 1][0]];
      set(node, { d: `${path(points)}${path([[last, base], [first, base]]).replace("M", "L")}Z` });
    });
  };
  view.text = (attrs) => {
    const node = s("text", attrs);
    return mark(node, (a, b, string) => {
      set(node, { x: view.X(a), y: view.Y(b) });
      node.textContent = string;
    });
  };
  view.rule = (attrs) => {
    const node = s("line", attrs);
    return mark(node, (a, low = view.y[0], high = view.y[1]) =>
      set(node, { x1: view.X(a), x2: view.X(a), y1: view.Y(low), y2: view.Y(high) }));
  };

  /** Where a pointer event is, in the coordinates of the data: [x, y], which may lie beyond the axes. */
  view.locate = (event) => {
    const box = svg.getBoundingClientRect();
    const scale = width / box.width;
    return [view.invertX((event.clientX - box.left) * scale), view.invertY((event.clientY - box.top) * scale)];
  };

  /**
   * The node of a disc that hears the pointer and the keys; the caller places it. onDrag([x, y]): dragged by the disc, or, with
   * `anywhere`, pressed or dragged at any place of the picture. keys: { key: what it stands for }, handed to onKey(meaning, event).
   */
  view.grip = ({ label, axis = "x", anywhere = false, onDrag, keys, onKey, ...attrs }) => {
    const node = s(
      "g",
      {
        class: "gt-handle", tabindex: 0, role: "slider", "aria-label": label, "aria-orientation": axis === "x" ? "horizontal" : "vertical",
        "data-lm-suppress-shortcuts": "true", ...attrs,
      },
      s("circle", { class: "gt-handle-reach", r: 22 }),
      s("circle", { class: "gt-handle-dot", r: 8 }),
    );
    const target = anywhere ? svg : node;
    target.addEventListener("pointerdown", (event) => {
      target.setPointerCapture(event.pointerId);
      node.focus({ preventScroll: true });
      event.preventDefault();
      if (anywhere) onDrag(view.locate(event));
    });
    target.addEventListener("pointermove", (event) => {
      if (target.hasPointerCapture(event.pointerId)) onDrag(view.locate(event));
    });
    node.addEventListener("keydown", (event) => {
      if (!(event.key in keys)) return;
      event.preventDefault();
      onKey(keys[event.key], event);
    });
    return node;
  };
  const shift = (a, b) => `translate(${view.X(a).toFixed(2)},${view.Y(b).toFixed(2)})`;

  /**
   * A point to drag along one axis, with the mouse, a finger or the arrow keys (Page Up/Down: ten steps, Home/End).
   * axis: "x" or "y". range: [low, high]. step: of an arrow key. valueText(v): what is read aloud. onMove(v).
   */
  view.handle = ({ axis = "x", range, step, valueText = (v) => fmt(v, 2), onMove, ...attrs }) => {
    let value = range[0];
    const node = view.grip({
      axis, "aria-valuemin": range[0], "aria-valuemax": range[1], ...attrs,
      onDrag: ([a, b]) => onMove(view.clamp(axis === "x" ? a : b, range)),
      keys: { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -10, PageUp: 10, Home: -Infinity, End: Infinity },
      onKey: (steps) => {
        value = view.clamp(value + steps * step, range); // several presses may come before the next frame
        onMove(value);
      },
    });
    return mark(node, (a, b) => {
      value = axis === "x" ? a : b;
      set(node, { transform: shift(a, b), "aria-valuenow": Number(value.toFixed(6)), "aria-valuetext": valueText(value) });
    });
  };

  /**
   * A point to drag in both directions, with the mouse, a finger or the arrow keys (with Shift, five steps).
   * range(): [[low, high], [low, high]], the axes unless told. step(): of an arrow key. valueText([x, y]): what is read aloud.
   * onMove([x, y]). anywhere: as for a grip.
   */
  view.point = ({ range = () => [view.x, view.y], step, valueText, onMove, ...attrs }) => {
    let at = [0, 0];
    const go = (to) => {
      at = to.map((v, i) => view.clamp(v, range()[i]));
      onMove(at);
    };
    const node = view.grip({
      "aria-roledescription": "point in the plane", ...attrs, onDrag: go,
      keys: { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowDown: [0, -1], ArrowUp: [0, 1] },
      onKey: (way, { shiftKey }) => go(at.map((v, i) => v + step() * (shiftKey ? 5 : 1) * way[i])),
    });
    return mark(node, (...to) => {
      at = to;
      const [least, most, now] = [...range()[0], at[0]].map((v) => Number(v.toFixed(6)));
      set(node, { transform: shift(...at), "aria-valuemin": least, "aria-valuemax": most, "aria-valuenow": now, "aria-valuetext": valueText(at) });
    });
  };

  const observer = new ResizeObserver(([entry]) => {
    const now = Math.max(240, Math.round(entry.contentRect.width));
    if (now === width && frame.childNodes.length) return;
    width = now;
    view.axes();
    redraw();
  });
  view.el = h("div", { class: "gt-plot-box" }, svg);
  observer.observe(view.el);
  view.axes();
  view.stop = () => observer.disconnect();
  return view;
};

// ---- time -----------------------------------------------------------------------------------------------------

/** Whether the reader asked for less motion. */
export const reducedMotion = () => window.matchMedia("(prefers-reduced-motion: reduce)").matches;

/**
 * Call `step()` once a frame until it returns false. Waits while the element is off the screen or the page is hidden.
 * Returns how to stop.
 */
export const animate = (el, step) => {
  let frame = 0;
  let seen = true;
  let over = false;
  const tick = () => {
    frame = 0;
    if (over || !seen || document.hidden) return;
    if (step() === false) stop();
    else frame = requestAnimationFrame(tick);
  };
  const wake = () => {
    frame ||= requestAnimationFrame(tick);
  };
  const observer = new IntersectionObserver(([entry]) => {
    seen = entry.isIntersecting;
    if (seen) wake();
  });
  const stop = () => {
    over = true;
    cancelAnimationFrame(frame);
    observer.disconnect();
    document.removeEventListener("visibilitychange", wake);
  };
  observer.observe(el);
  document.addEventListener("visibilitychange", wake);
  wake();
  return stop;
};

// ---- numbers --------------------------------------------------------------------------------------------------

/** A seeded generator (mulberry32): uniform() in [0, 1) and normal(). */
export const rng = (seed) => {
  let a = seed >>> 0;
  const uniform = () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  const normal = () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
  return { uniform, normal };
};

/** log Σ exp(values), without overflow. */
export const logSumExp = (values) => {
  const top = Math.max(...values);
  return Number.isFinite(top) ? top + Math.log(values.reduce((sum, v) => sum + Math.exp(v - top), 0)) : top;
};

/** log N(x; mean, std²). */
export const normalLogPdf = (x, mean, std) => -0.5 * (Math.log(2 * Math.PI) + ((x - mean) / std) ** 2) - Math.log(std);

/** log Σ wᵢ N(x; meanᵢ, stdᵢ²). */
export const mixtureLogPdf = (x, weights, means, stds) =>
  logSumExp(weights.map((w, i) => Math.log(w) + normalLogPdf(x, means[i], stds[i])));

/** ∫ f over [low, high] by Simpson's rule with n (even) intervals. */
export const simpson = (f, low, high, n = 1000) => {
  const step = (high - low) / n;
  let sum = f(low) + f(high);
  for (let i = 1; i < n; i += 1) sum += f(low + i * step) * (i % 2 ? 4 : 2);
  return (sum * step) / 3;
};

/** n + 1 evenly spaced positions from low to high. */
export const grid = (low, high, n) => Array.from({ length: n + 1 }, (_, i) => low + ((high - low) * i) / n);

// ---- networks -------------------------------------------------------------------------------------------------

export const silu = (v) => v / (1 + Math.exp(-v));
export const sigmoid = (v) => 1 / (1 + Math.exp(-v));

/** The numbers of a packaged tensor { f16 }, base64 of little-endian half floats, as a Float32Array. */
export const halves = ({ f16 }) => {
  const bytes = Uint8Array.from(atob(f16), (c) => c.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  return Float32Array.from({ length: bytes.length / 2 }, (_, i) => {
    const word = view.getUint16(2 * i, true);
    const [exponent, fraction] = [(word >> 10) & 31, word & 1023];
    return (word >> 15 ? -1 : 1) * (exponent ? (1 + fraction / 1024) * 2 ** (exponent - 15) : fraction * 2 ** -24);
  });
};

/** The linear layers of a torch.nn.Sequential in packaged tensors, in their order: `${prefix}0.weight`, `${prefix}0.bias`, … */
export const linearLayers = (tensors, prefix = "") =>
  Object.keys(tensors)
    .filter((key) => key.startsWith(prefix) && /^\d+\.weight$/.test(key.slice(prefix.length)))
    .map((key) => Number.parseInt(key.slice(prefix.length), 10))
    .sort((a, b) => a - b)
    .map((i) => ({ weight: halves(tensors[`${prefix}${i}.weight`]), bias: halves(tensors[`${prefix}${i}.bias`]) }));

/** The outputs of a multi-layer perceptron at the numbers x; `hidden` acts between the layers. */
export const mlp = (layers, x, hidden = silu) =>
  layers.reduce((input, { weight, bias }, l) => {
    const n = input.length;
    return Float64Array.from(bias, (b, o) => {
      let sum = b;
      for (let i = 0; i < n; i += 1) sum += weight[o * n + i] * input[i];
      return l < layers.length - 1 ? hidden(sum) : sum;
    });
  }, x);

// ---- training a network ---------------------------------------------------------------------------------------

/** What may act between the layers: its value, and its slope as a function of that value. */
export const ACTIVATIONS = {
  tanh: { value: (v) => 1 - 2 / (1 + Math.exp(2 * v)), slope: (y) => 1 - y * y },
  leaky: { value: (v) => (v > 0 ? v : 0.2 * v), slope: (y) => (y > 0 ? 1 : 0.2) },
};

/** Layers of a multi-layer perceptron with these widths: weights N(0, gain² / fan-in) by normal(), biases zero. */
export const freshLayers = (widths, normal, gain = 1) =>
  widths.slice(1).map((outputs, l) => ({
    weight: Float64Array.from({ length: widths[l] * outputs }, () => (gain * normal()) / Math.sqrt(widths[l])),
    bias: new Float64Array(outputs),
  }));

/** A batch through the layers. x: its rows one after another. What each layer gives, x itself first; the logits are last. */
export const forward = (layers, x, { value }) => {
  const outputs = [x];
  layers.forEach(({ weight, bias }, l) => {
    const [input, wide] = [outputs[l], bias.length];
    const narrow = weight.length / wide;
    const rows = input.length / narrow;
    const output = new Float64Array(rows * wide);
    const last = l === layers.length - 1;
    for (let r = 0; r < rows; r += 1) {
      for (let o = 0; o < wide; o += 1) {
        let sum = bias[o];
        for (let i = 0; i < narrow; i += 1) sum += weight[o * narrow + i] * input[r * narrow + i];
        output[r * wide + o] = last ? sum : value(sum);
      }
    }
    outputs.push(output);
  });
  return outputs;
};

/**
 * The gradient of a loss, from its gradient in the last outputs of `forward`: in every weight and bias ("layers", of the
 * same shape) and in the batch itself ("input"). The loss is a sum or a mean as the gradient that comes in is.
 */
export const backward = (layers, outputs, gradient, { slope }) => {
  const found = [];
  let up = gradient;
  for (let l = layers.length - 1; l >= 0; l -= 1) {
    const { weight, bias } = layers[l];
    const [input, wide] = [outputs[l], bias.length];
    const narrow = weight.length / wide;
    const rows = input.length / narrow;
    const inWeight = new Float64Array(weight.length);
    const inBias = new Float64Array(wide);
    const down = new Float64Array(input.length);
    for (let r = 0; r < rows; r += 1) {
      for (let o = 0; o < wide; o += 1) {
        const g = up[r * wide + o];
        inBias[o] += g;
        for (let i = 0; i < narrow; i += 1) {
          inWeight[o * narrow + i] += g * input[r * narrow + i];
          down[r * narrow + i] += g * weight[o * narrow + i];
        }
      }
    }
    if (l) for (let i = 0; i < down.length; i += 1) down[i] *= slope(input[i]);
    found.unshift({ weight: inWeight, bias: inBias });
    up = down;
  }
  return { layers: found, input: up };
};

/** Adam's memory for these layers: running means of the gradient and of its square, and the number of steps. */
export const adamMemory = (layers) => {
  const zeros = () => layers.map(({ weight, bias }) => ({ weight: new Float64Array(weight.length), bias: new Float64Array(bias.length) }));
  return { steps: 0, mean: zeros(), square: zeros() };
};

/** One step of Adam down the gradient: changes the layers and the memory. Source: Kingma and Ba (2015), algorithm 1. */
export const adamStep = (layers, gradient, memory, { rate, beta1 = 0.9, beta2 = 0.999, eps = 1e-8 }) => {
  memory.steps += 1;
  const [fix1, fix2] = [1 - beta1 ** memory.steps, 1 - beta2 ** memory.steps];
  layers.forEach((layer, l) => {
    for (const part of ["weight", "bias"]) {
      const [w, g, m, v] = [layer[part], gradient[l][part], memory.mean[l][part], memory.square[l][part]];
      for (let i = 0; i < w.length; i += 1) {
        m[i] += (1 - beta1) * (g[i] - m[i]);
        v[i] += (1 - beta2) * (g[i] * g[i] - v[i]);
        w[i] -= (rate * (m[i] / fix1)) / (Math.sqrt(v[i] / fix2) + eps);
      }
    }
  });
};

/** Layers, or anything else of objects and lists with Float64Arrays at the leaves, as text, and back: to keep in a trait. */
export const pack = (value) =>
  JSON.stringify(value, (_, v) => (v instanceof Float64Array ? { f64: btoa(new Uint8Array(v.buffer).reduce((text, c) => text + String.fromCharCode(c), "")) } : v));
export const unpack = (text) =>
  JSON.parse(text, (_, v) => (v?.f64 === undefined ? v : new Float64Array(Uint8Array.from(atob(v.f64), (c) => c.charCodeAt(0)).buffer)));

/** log(1 + exp(v)), without overflow: −log σ(−v). */
export const softplus = (v) => Math.max(v, 0) + Math.log1p(Math.exp(-Math.abs(v)));
