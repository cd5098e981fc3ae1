import { animate, buttons, change, choice, fmt, h, halves, inkCanvas, paintInk, rng, sentence, set, silu, slider, state, watch } from "./core.js";

const NAMES = ["digit", "w", "steps", "seed"];
const COLUMNS = 9;
const WEIGHTS = [0, 1, 2, 4, 8]; // of the last row
const SLICE = 20; // milliseconds of sampling in a frame
const NO_LABEL = 10;
const SIDE = 14;
const CELLS = 49; // 7 × 7, after pixels are taken four by four
const T = 1000;

// ---- the model -----------------------------------------------------------------------------------------------------

const TENSORS = packaged("guidance_film");
const tensor = (name) => Float64Array.from(halves(TENSORS[name]));
const layer = (name) => ({ weight: tensor(`${name}.weight`), bias: tensor(`${name}.bias`) });
const NET = {
  time: layer("time"), label: tensor("label.weight"), enter: layer("enter"), leave: layer("leave"),
  blocks: Object.keys(TENSORS).filter((key) => /^blocks\.\d+\.film\.bias$/.test(key))
    .map((key) => key.slice(0, -".film.bias".length))
    .map((name) => ({ first: layer(`${name}.first`), film: layer(`${name}.film`), second: layer(`${name}.second`) })),
};
/** The kept training images in [0, 1], 100 of each class in order; four pixels of three bits in one number. */
const KEPT = (() => {
  const numbers = halves(TENSORS.kept).map((v) => v + 2048);
  return Float32Array.from({ length: 4 * numbers.length }, (_, i) => (Math.floor(numbers[i >> 2] / 8 ** (i & 3)) % 8) / 7);
})();
const IMAGES = KEPT.length / SIDE ** 2;
const [GAP] = halves(TENSORS.kept_gap); // half of the test digits have a kept image within it

/** ᾱ_t of the cosine schedule, t = 0…T. */
const ALPHA_BAR = (() => {
  const f = (t) => Math.cos(((t / T + 0.008) / 1.008) * (Math.PI / 2)) ** 2;
  const table = [1];
  for (let t = 1; t <= T; t += 1) table.push(table[t - 1] * (1 - Math.min(0.999, 1 - f(t) / f(t - 1))));
  return table;
})();

const linear = ({ weight, bias }, x) =>
  bias.map((b, o) => {
    let sum = b;
    for (let i = 0, w = o * x.length; i < x.length; i += 1, w += 1) sum += weight[w] * x[i];
    return sum;
  });

/** A 3 × 3 convolution with zeros around, on maps of 7 × 7: channels × 49 numbers. Seven cells of a row are summed at once. */
const conv = ({ weight, bias }, x) => {
  const fan = (9 * x.length) / CELLS;
  const columns = new Float64Array(fan * CELLS); // columns[k][cell]: what tap k of the kernel sees at the cell
  for (let c = 0, k = 0; c < fan / 9; c += 1)
    for (let dy = -1; dy < 2; dy += 1)
      for (let dx = -1; dx < 2; dx += 1, k += 1)
        for (let y = Math.max(0, -dy); y < Math.min(7, 7 - dy); y += 1)
          for (let q = Math.max(0, -dx); q < Math.min(7, 7 - dx); q += 1)
            columns[k * CELLS + 7 * y + q] = x[c * CELLS + 7 * (y + dy) + q + dx];
  const out = new Float64Array(bias.length * CELLS);
  for (let o = 0; o < bias.length; o += 1)
    for (let row = 0; row < CELLS; row += 7) {
      let [a, b, c, d, e, f, g] = [0, 0, 0, 0, 0, 0, 0];
      for (let k = 0, i = row, w = o * fan; k < fan; k += 1, i += CELLS, w += 1) {
        const v = weight[w];
        a += v * columns[i];
        b += v * columns[i + 1];
        c += v * columns[i + 2];
        d += v * columns[i + 3];
        e += v * columns[i + 4];
        f += v * columns[i + 5];
        g += v * columns[i + 6];
      }
      out.set([a, b, c, d, e, f, g].map((v) => v + bias[o]), o * CELLS + row);
    }
  return out;
};

/** Where pixel i of a picture lies among 4 × 49 numbers: each block of 2 × 2 pixels is a cell with four channels. */
const PLACE = Array.from({ length: SIDE ** 2 }, (_, i) => {
  const [y, x] = [Math.floor(i / SIDE), i % SIDE];
  return (2 * (y % 2) + (x % 2)) * CELLS + 7 * (y >> 1) + (x >> 1);
});
const fold = (image) => {
  const cells = new Float64Array(image.length);
  PLACE.forEach((p, i) => {
    cells[p] = image[i];
  });
  return cells;
};

/** What the net predicts at 196 numbers x, step t and label y: v = √ᾱ ε − √(1 − ᾱ) x₀. */
export function predict(x, t, y) {
  const n = NET.time.weight.length / NET.time.bias.length / 2;
  const angles = Array.from({ length: n }, (_, i) => ((Math.PI * t) / T) * 10 ** (Math.log10(0.5) + ((2 - Math.log10(0.5)) * i) / (n - 1)));
  const width = NET.time.bias.length;
  const c = linear(NET.time, Float64Array.from([...angles.map(Math.sin), ...angles.map(Math.cos)])).map((v, i) => silu(v + NET.label[y * width + i]));
  let hidden = conv(NET.enter, fold(x));
  for (const { first, film, second } of NET.blocks) {
    const [changes, inner] = [linear(film, c), conv(first, hidden.map(silu))];
    const channels = first.bias.length;
    const added = conv(second, inner.map((v, i) => {
      const channel = Math.floor(i / CELLS);
      return silu((1 + changes[channel]) * v + changes[channels + channel]);
    }));
    hidden = hidden.map((v, i) => v + added[i]);
  }
  const cells = conv(NET.leave, hidden.map(silu));
  return PLACE.map((p) => cells[p]);
}

// ---- the walk ------------------------------------------------------------------------------------------------------

/** v with guidance: v at no label + w (v at the label − v at no label). The same rule as for ε, for at one x_t each is linear in the other. */
const guided = (x, t, y, w) => {
  if (w === 0 || w === 1) return predict(x, t, w ? y : NO_LABEL);
  const [none, asked] = [NO_LABEL, y].map((label) => predict(x, t, label));
  return none.map((v, i) => v + w * (asked[i] - v));
};

/** A walk of DDIM that is made step by step: next() makes one. path: x at each time; x0: what is believed at each time. */
const walker = ({ digit, w, steps }, start) => {
  const times = Array.from({ length: steps + 1 }, (_, k) => T - Math.floor((k * T) / steps));
  const made = { path: [start], x0: [], times, done: false };
  made.next = () => {
    const k = made.x0.length;
    const x = made.path[k];
    const [now, then] = [ALPHA_BAR[times[k]], ALPHA_BAR[times[k + 1]]];
    const v = guided(x, times[k], digit, w);
    const x0 = x.map((value, i) => Math.sqrt(now) * value - Math.sqrt(1 - now) * v[i]);
    const eps = x.map((value, i) => Math.sqrt(1 - now) * value + Math.sqrt(now) * v[i]);
    made.x0.push(x0);
    made.path.push(x0.map((value, i) => Math.sqrt(then) * value + Math.sqrt(1 - then) * eps[i]));
    made.done = k + 1 === steps;
    if (made.done) made.x0.push(made.path[steps]);
  };
  return made;
};
const noise = (seed) => {
  const { normal } = rng(500 + seed);
  return Array.from({ length: SIDE ** 2 }, normal);
};

/** A whole walk from given noise, 196 numbers: { path, x0 }. For tests. */
export function walk(now, start) {
  const made = walker(now, start);
  while (!made.done) made.next();
  return { path: made.path, x0: made.x0 };
}

const grey = (image) => image.map((v) => Math.min(1, Math.max(0, (v + 1) / 2)));
/** The kept training image nearest to a picture: its index, class, distance, and itself in [-1, 1]. */
const nearest = (image) => {
  const shades = grey(image);
  let best = { index: -1, square: Infinity };
  for (let n = 0; n < IMAGES; n += 1) {
    let square = 0;
    for (let i = 0, k = n * shades.length; i < shades.length; i += 1, k += 1) square += (shades[i] - KEPT[k]) ** 2;
    if (square < best.square) best = { index: n, square };
  }
  const at = best.index * shades.length;
  return { index: best.index, label: Math.floor((10 * best.index) / IMAGES), distance: Math.sqrt(best.square), image: [...KEPT.slice(at, at + shades.length)].map((v) => 2 * v - 1) };
};

/** Every number that is shown, the walk carried to its end. */
export function compute(now) {
  const { path, x0 } = walk(now, noise(now.seed));
  const { index, label, distance } = nearest(path[now.steps]);
  return { path, x0, index, label, distance, gap: GAP };
}

const meaning = (w) => (w === 0 ? "the class is not used" : w < 1 ? "between no class and the class" : w === 1 ? "plainly conditional" : "guided");
const words = (now, made) => {
  const start = now.w === 0 ? "No class asked for" : `A ${now.digit} asked for`;
  if (!made.done) return `${start}, w = ${fmt(now.w, 1)}: ${meaning(now.w)}. Step ${made.x0.length} of ${now.steps}.`;
  const { label, distance } = nearest(made.path[now.steps]);
  const copy = distance < 0.5 * GAP ? "close to a copy" : "a copy of none of them";
  return `${start}, w = ${fmt(now.w, 1)}: ${meaning(now.w)}, ${now.steps} steps. Of ${fmt(IMAGES, 0)} training images the nearest to the result is a ${label}, ` +
    `${fmt(distance, 2)} away: ${copy}, for half of all test digits have one within ${fmt(GAP, 2)}.`;
};

// ---- picture ------------------------------------------------------------------------------------------------------

/** An image as ink, full at the number `reach`; noise goes beyond 1. */
const ink = (image, reach) => image.map((v) => Math.min(1, Math.max(0, (1 + v / reach) / 2)));
const strip = (name, note, columns) => {
  const canvas = inkCanvas("display: block; width: 100%");
  const under = h("div", { "aria-hidden": "true", style: "display: flex; font-size: .8em; color: var(--ink-soft); font-variant-numeric: tabular-nums" });
  const el = h(
    "div", { style: `margin-top: .5rem; ${columns < COLUMNS ? "max-width: 26rem" : ""}` },
    h("div", { style: "display: flex; flex-wrap: wrap; gap: 0 .6rem; align-items: baseline" },
      h("span", { style: "font-weight: 650" }, name), h("span", { style: "color: var(--ink-soft); font-size: .87em" }, note)),
    canvas, under,
  );
  return {
    el,
    show: (images, said, marks, reach = images.map(() => 1)) => {
      paintInk(canvas, images.map((image, n) => image && ink(image, reach[n])), { side: SIDE });
      set(canvas, { "aria-label": `${name}: ${said}` });
      under.replaceChildren(...marks.map((text) => h("span", { style: "flex: 1; text-align: center" }, text)));
    },
  };
};

export function render({ model, el }) {
  const now = () => state(model, NAMES);
  const rows = {
    xt: strip("x_t", "what the walk has come to", COLUMNS),
    x0: strip("x̂₀", "what the model believes it will be, at these t", COLUMNS),
    near: strip("Nearest training image", `to x̂₀, of ${fmt(IMAGES, 0)} of the 60 000, and how far it is`, COLUMNS),
    many: strip("The same noise, other weights", "the results", WEIGHTS.length),
  };
  const film = h("div", { "aria-busy": "true" }, ...Object.values(rows).map((row) => row.el));

  const digit = choice({
    label: "Class asked for", wide: true, options: Object.fromEntries(Array.from({ length: 10 }, (_, d) => [d, `a ${d}`])), value: model.get("digit"),
    onChange: (v) => change(model, { digit: Number(v) }),
  });
  const weight = slider({
    label: "Guidance w", min: 0, max: 8, step: 0.25, value: model.get("w"), format: (v) => `${fmt(v, 2)}`, onInput: (v) => change(model, { w: v }),
  });
  const steps = slider({ label: "Number of steps", min: 2, max: 50, step: 1, value: model.get("steps"), format: (v) => fmt(v, 0), onInput: (v) => change(model, { steps: v }) });
  const seed = slider({ label: "Noise, number", min: 0, max: 99, step: 1, value: model.get("seed"), format: (v) => fmt(v, 0), onInput: (v) => change(model, { seed: v }) });
  const say = sentence();

  let made = null;
  let others = []; // walks from the same noise at the other weights; the row of results
  let asked = "";
  let compared = "";
  let working = () => {};

  const draw = () => {
    const at = now();
    const columns = Math.min(COLUMNS, at.steps + 1);
    const chosen = Array.from({ length: columns }, (_, i) => Math.round((i * at.steps) / (columns - 1)));
    const marks = chosen.map((k) => made.times[k]);
    const pick = (list) => chosen.map((k) => list[k] ?? null);
    const beliefs = pick(made.x0);
    const found = beliefs.map((image) => image && nearest(image));
    rows.xt.show(pick(made.path), `${columns} pictures from noise at t = ${T} to the result at t = 0.`, [],
      chosen.map((k) => 1 + Math.sqrt(1 - ALPHA_BAR[made.times[k]])));
    rows.x0.show(beliefs, `${columns} pictures from a blur to the result.`, marks);
    rows.near.show(found.map((one) => one && one.image), `classes ${found.filter(Boolean).map((one) => one.label).join(", ")}.`, found.map((one) => (one ? fmt(one.distance, 1) : "")));
    rows.many.show(others.map((one) => (one.done ? one.path[at.steps] : null)), `results at weights ${WEIGHTS.join(", ")}.`, WEIGHTS.map((w) => `w = ${w}`));
    digit.set(at.digit);
    weight.set(at.w);
    steps.set(at.steps);
    seed.set(at.seed);
    say.say(words(at, made));
  };
  /** Some steps, for at most a slice of time, first of the film, then of the row below; whether more are to be made. */
  const work = () => {
    const end = performance.now() + SLICE;
    let next = made;
    while (next && performance.now() < end) {
      if (!next.done) next.next();
      next = [made, ...others].find((one) => !one.done);
    }
    set(film, { "aria-busy": String(Boolean(next)) });
    draw();
    return Boolean(next);
  };
  const update = () => {
    const at = now();
    const [film_, row] = [JSON.stringify(at), JSON.stringify([at.digit, at.steps, at.seed])];
    if (film_ === asked) return;
    working();
    const start = noise(at.seed);
    made = walker(at, start);
    if (row !== compared) others = WEIGHTS.map((w) => (w === at.w ? made : walker({ ...at, w }, start)));
    [asked, compared] = [film_, row];
    if (work()) working = animate(el, work);
  };

  const preset = (values) => () => change(model, values);
  el.replaceChildren(
    buttons("Show me", {
      "a 3, guided": preset({ digit: 3, w: 2, steps: 20, seed: 1 }),
      "class ignored": preset({ w: 0 }),
      "conditional": preset({ w: 1 }),
      "too much": preset({ w: 8 }),
      "4 steps": preset({ w: 2, steps: 4 }),
      "next class": () => change(model, { digit: (model.get("digit") + 1) % 10 }),
      "other noise": () => change(model, { seed: (model.get("seed") + 1) % 100 }),
    }),
    say.el, film,
    h("p", { style: "font-size: .88em; color: var(--ink-soft)" }, "Computed here and now by a net of 123 000 weights, on digits of 14 × 14. Distance: the root of the summed squared differences of the pixels, from 0 to 1 each."),
    h("div", { class: "gt-controls" }, weight.el, digit.el, steps.el, seed.el),
  );
  update();
  const unwatch = watch(model, NAMES, update);
  return () => {
    unwatch();
    working();
  };
}

export default { render };
