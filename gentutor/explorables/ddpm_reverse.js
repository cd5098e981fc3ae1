import {
  animate, buttons, change, choice, fmt, h, linearLayers, plot, reducedMotion, rng, s, sentence, set, slider, state, watch,
} from "./core.js";

const NAMES = ["field", "sampler", "steps", "shown", "pin", "seed"];
const POINTS = 500;
const REACH = 2.8; // of the picture
const SLICE = 20; // milliseconds of sampling in a frame
const CELLS = 64; // of the density's picture, across

/** Weights and means of the mixture, and the standard deviation of each part. */
export const LAW = {
  weights: [0.1, 0.3, 0.15, 0.25, 0.2], means: [[-1.4, 0.3], [-0.3, 1.4], [1.3, 0.8], [0.9, -1.0], [-0.7, -1.2]], std: 0.12,
};
const T = 1000;
const NET = linearLayers(packaged("ddpm_reverse"));

/** ᾱ_t of the linear schedule, t = 0…T. */
const ALPHA_BAR = [1];
for (let t = 1; t <= T; t += 1) ALPHA_BAR.push(ALPHA_BAR[t - 1] * (1 - (1e-4 + ((0.02 - 1e-4) * (t - 1)) / (T - 1))));

// ---- the two fields: eps from x = [a₁, b₁, a₂, b₂, …] at t, written into `out` -------------------------------------

const logParts = (a, b, t) => {
  const signal = Math.sqrt(ALPHA_BAR[t]);
  const v = ALPHA_BAR[t] * LAW.std ** 2 + 1 - ALPHA_BAR[t];
  return LAW.means.map(([p, q], k) => Math.log(LAW.weights[k]) - ((a - signal * p) ** 2 + (b - signal * q) ** 2) / (2 * v) - Math.log(2 * Math.PI * v));
};
const exact = (x, t, out) => {
  const [signal, noise] = [Math.sqrt(ALPHA_BAR[t]), Math.sqrt(1 - ALPHA_BAR[t])];
  const v = ALPHA_BAR[t] * LAW.std ** 2 + 1 - ALPHA_BAR[t];
  for (let i = 0; i < x.length; i += 2) {
    const logs = logParts(x[i], x[i + 1], t);
    const top = Math.max(...logs);
    let [total, p, q] = [0, 0, 0];
    logs.forEach((log, k) => {
      const share = Math.exp(log - top);
      total += share;
      p += share * LAW.means[k][0];
      q += share * LAW.means[k][1];
    });
    out[i] = (noise * (x[i] - (signal * p) / total)) / v;
    out[i + 1] = (noise * (x[i + 1] - (signal * q) / total)) / v;
  }
};

/** The packaged net predicts v; eps = √(1 − ᾱ) x + √ᾱ v. Its inputs besides x are the same for all points of a step. */
const learned = (x, t, out) => {
  const [signal, noise] = [Math.sqrt(ALPHA_BAR[t]), Math.sqrt(1 - ALPHA_BAR[t])];
  const u = t / T;
  const time = [u, ...[1, 2, 3, 4].map((k) => Math.sin(Math.PI * u * k)), ...[1, 2, 3, 4].map((k) => Math.cos(Math.PI * u * k))];
  const fan = 2 + time.length;
  const [enter, ...rest] = NET;
  const base = Float64Array.from(enter.bias, (bias, o) => time.reduce((sum, f, i) => sum + enter.weight[o * fan + 2 + i] * f, bias));
  const width = base.length;
  let [now, next] = [new Float64Array(width), new Float64Array(width)];
  for (let i = 0; i < x.length; i += 2) {
    for (let o = 0; o < width; o += 1) {
      const a = base[o] + enter.weight[o * fan] * x[i] + enter.weight[o * fan + 1] * x[i + 1];
      now[o] = a / (1 + Math.exp(-a));
    }
    for (const [l, { weight, bias }] of rest.entries()) {
      const last = l === rest.length - 1;
      for (let o = 0; o < bias.length; o += 1) {
        let sum = bias[o];
        for (let j = 0, w = o * width; j < width; j += 1, w += 1) sum += weight[w] * now[j];
        next[o] = last ? sum : sum / (1 + Math.exp(-sum));
      }
      [now, next] = [next, now];
    }
    out[i] = noise * x[i] + signal * now[0];
    out[i + 1] = noise * x[i + 1] + signal * now[1];
  }
};
const FIELDS = { exact, learned };

// ---- the walk ------------------------------------------------------------------------------------------------------

/** The times T = t₀ > t₁ > … > 0 of a walk in so many steps. */
const times = (steps) => Array.from({ length: steps + 1 }, (_, k) => T - Math.floor((k * T) / steps));

/** One step from t to u, as guidance.ddim_step makes it: x_u and x̂₀. z: standard normal numbers, which only DDPM adds. */
const move = (field, sampler, x, t, u, z) => {
  const [after, before] = [ALPHA_BAR[t], ALPHA_BAR[u]];
  const std = sampler === "ddim" ? 0 : Math.sqrt(((1 - before) / (1 - after)) * (1 - after / before));
  const eps = predict(field, x, t);
  const x0 = eps.map((e, i) => (x[i] - Math.sqrt(1 - after) * e) / Math.sqrt(after));
  const along = Math.sqrt(Math.max(0, 1 - before - std ** 2));
  return { x: x0.map((v, i) => Math.sqrt(before) * v + along * eps[i] + (sampler === "ddpm" ? std * z[i] : 0)), x0 };
};

/** eps at points x, 2N numbers, by one of the fields. */
export function predict(field, x, t) {
  const out = new Float64Array(x.length);
  FIELDS[field](x, t, out);
  return [...out];
}

/** A whole walk with the noise given: start, 2N numbers, and `noise`, a list of 2N numbers for each step. For tests. */
export function walk({ field, sampler, steps }, start, noise) {
  const path = [Float64Array.from(start)];
  const list = times(steps);
  list.slice(1).forEach((u, k) => path.push(move(field, sampler, path[k], list[k], u, noise[k]).x));
  return path.map((x) => [...x]);
}

/** A walk that is made step by step: next() makes one, `done` says whether all are made. */
const walker = ({ field, sampler, steps, seed }) => {
  const { normal } = rng(1000 + seed);
  const draw = () => Float64Array.from({ length: 2 * POINTS }, normal);
  const list = times(steps);
  const made = { path: [draw()], x0: [], list, done: false };
  made.next = () => {
    const k = made.x0.length;
    const { x, x0 } = move(field, sampler, made.path[k], list[k], list[k + 1], draw());
    made.path.push(x);
    made.x0.push(x0);
    made.done = k + 1 === steps;
    if (made.done) made.x0.push(x);
  };
  return made;
};

/** Of points: how many end at each part of the mixture, the share within three standard deviations of one, and their spread there. */
const arrivals = (x) => {
  const counts = LAW.means.map(() => 0);
  let [inside, squares] = [0, 0];
  for (let i = 0; i < x.length; i += 2) {
    const gaps = LAW.means.map(([p, q]) => (x[i] - p) ** 2 + (x[i + 1] - q) ** 2);
    const near = Math.min(...gaps);
    counts[gaps.indexOf(near)] += 1;
    if (near < 9 * LAW.std ** 2) {
      inside += 1;
      squares += near;
    }
  }
  return { counts, inside: inside / (x.length / 2), spread: inside ? Math.sqrt(squares / inside / 2) : 0 };
};

/** Every number that is shown, the walk carried to its end. */
export function compute(now) {
  const made = walker(now);
  while (!made.done) made.next();
  const k = Math.round(now.shown * now.steps);
  const at = (list) => [list[k][2 * now.pin], list[k][2 * now.pin + 1]];
  return { t: made.list[k], pinned: at(made.path), believed: at(made.x0), ...arrivals(made.path[now.steps]) };
}

const NAMED = { ddpm: "DDPM", ddim: "DDIM", mean: "DDPM's mean without its noise" };
const INSIDE = 1 - Math.exp(-4.5); // of a round Gaussian, within three standard deviations
const words = (now, made, t) => {
  const field = now.field === "exact" ? "the exact field" : "the learned field";
  const how = `${NAMED[now.sampler]} in ${now.steps} steps with ${field}`;
  if (!made.done) return `${how}: sampling, step ${made.x0.length} of ${now.steps}.`;
  const { counts, inside, spread } = arrivals(made.path[now.steps]);
  const top = counts.indexOf(Math.max(...counts));
  const where = t ? `At t = ${t}` : "At t = 0, the end";
  const facts = `${fmt(100 * inside, 0)} % end within three standard deviations of a blob (of the law ${fmt(100 * INSIDE, 0)} %), their spread there is ${fmt(spread, 3)} (${fmt(LAW.std, 3)})`;
  if (counts[top] > 1.6 * POINTS * LAW.weights[top])
    return `${how}: collapse. ${fmt((100 * counts[top]) / POINTS, 0)} % of the points end at one blob that holds ${fmt(100 * LAW.weights[top], 0)} % of the law. ${where}; ${facts}.`;
  const off = Math.max(...counts.map((n, k) => Math.abs(n / POINTS - LAW.weights[k])));
  const verdict = inside < 0.9 ? "too few steps: points are left between the blobs" : spread < 0.85 * LAW.std ? "the blobs come out too narrow" : "close to the law";
  return `${how}: ${verdict}. ${where}; ${facts}, and no blob's share is off by more than ${fmt(100 * off, 0)} points in a hundred.`;
};

// ---- picture -------------------------------------------------------------------------------------------------------

/** The exact density of x_t as shades of grey that suit both themes. */
const shade = (canvas, t, [wide, high]) => {
  const rows = Math.round((CELLS * high) / wide);
  const across = Array.from({ length: CELLS }, (_, i) => (((i + 0.5) / CELLS) * 2 - 1) * wide);
  const down = Array.from({ length: rows }, (_, i) => (1 - ((i + 0.5) / rows) * 2) * high);
  const density = down.flatMap((b) => across.map((a) => logParts(a, b, t).reduce((sum, log) => sum + Math.exp(log), 0)));
  const peak = Math.max(...density);
  Object.assign(canvas, { width: CELLS, height: rows });
  const context = canvas.getContext("2d");
  const data = context.createImageData(CELLS, rows);
  density.forEach((v, i) => data.data.set([128, 132, 142, 190 * Math.sqrt(v / peak)], 4 * i));
  context.putImageData(data, 0, 0);
};

export function render({ model, el }) {
  const now = () => state(model, NAMES);
  const view = plot({ x: [-REACH, REACH], y: [-REACH, REACH], height: 340, title: "500 points in the plane", xTicks: 7, yTicks: 5, redraw: () => arrange() });
  const image = s("image", { preserveAspectRatio: "none", "aria-hidden": "true" });
  const dots = s("path", { style: "stroke: var(--p); stroke-linecap: round", "stroke-width": 4, opacity: 0.8, "aria-hidden": "true" });
  const trail = s("path", { fill: "none", style: "stroke: var(--q)", "stroke-width": 1.8, opacity: 0.85, "stroke-linejoin": "round", "aria-hidden": "true" });
  const belief = s("path", { fill: "none", style: "stroke: var(--q)", "stroke-width": 2, "stroke-dasharray": "5 3", "aria-hidden": "true" });
  const cross = s("path", { style: "stroke: var(--q)", "stroke-width": 3, "aria-hidden": "true" });
  const label = s("text", { style: "fill: var(--q); font-weight: 650; paint-order: stroke; stroke: var(--paper); stroke-width: 4px", "aria-hidden": "true" });
  const handle = view.grip({
    label: "Pinned point: arrow keys choose another one", "aria-valuemin": 1, "aria-valuemax": POINTS, style: "color: var(--q)", anywhere: true,
    onDrag: (at) => pinAt(at),
    keys: { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -10, PageUp: 10 },
    onKey: (step) => change(model, { pin: (model.get("pin") + step + POINTS) % POINTS }),
  });
  view.marks.append(image, dots, trail, belief, cross, label, handle);

  let made = null;
  let asked = "";
  let working = () => {};
  const index = () => Math.min(made.path.length - 1, Math.round(model.get("shown") * (made.list.length - 1)));

  // -- the pinned point follows the pointer: the one nearest to it
  const pinAt = ([a, b]) => {
    const x = made.path[index()];
    let best = { pin: 0, gap: Infinity };
    for (let i = 0; i < POINTS; i += 1) {
      const gap = (x[2 * i] - a) ** 2 + (x[2 * i + 1] - b) ** 2;
      if (gap < best.gap) best = { pin: i, gap };
    }
    change(model, { pin: best.pin });
  };

  // -- controls
  const field = choice({ label: "Field", wide: true, options: { learned: "learned by a small net", exact: "exact, closed form" }, value: model.get("field"), onChange: (v) => change(model, { field: v }) });
  const sampler = choice({
    label: "Sampler", wide: true, options: { ddpm: "DDPM, noise at each step", ddim: "DDIM, no noise", mean: "DDPM's mean only" }, value: model.get("sampler"), onChange: (v) => change(model, { sampler: v }),
  });
  const steps = slider({ label: "Number of steps", min: 2, max: 200, step: 1, value: model.get("steps"), format: (v) => fmt(v, 0), onInput: (v) => change(model, { steps: v }) });
  const timeAt = (share) => times(model.get("steps"))[Math.round(share * model.get("steps"))];
  const shown = slider({
    label: "Walk from noise to data", min: 0, max: 1, step: 0.005, value: model.get("shown"), format: (v) => `t = ${timeAt(v)}`, onInput: (v) => change(model, { shown: v }),
  });
  const say = sentence();

  let stop = () => {};
  const play = () => {
    stop();
    if (reducedMotion()) return change(model, { shown: 1 });
    let share = 0;
    stop = animate(el, () => {
      if (made.done) share = Math.min(1, share + 1 / 200);
      change(model, { shown: share });
      return share < 1;
    });
    return undefined;
  };

  const arrange = () => {
    view.square();
    set(image, view.inside());
    if (made) draw();
  };
  const canvas = document.createElement("canvas");
  let shaded = "";
  const draw = () => {
    const at = now();
    const k = index();
    const t = made.list[k];
    if (shaded !== `${t} ${view.x[1]}`) {
      shaded = `${t} ${view.x[1]}`;
      shade(canvas, t, [view.x[1], REACH]);
      set(image, { href: canvas.toDataURL() });
    }
    const x = made.path[k];
    const where = (values, i) => [view.X(values[2 * i]).toFixed(1), view.Y(values[2 * i + 1]).toFixed(1)];
    set(dots, { d: Array.from({ length: POINTS }, (_, i) => `M${where(x, i)}h0`).join("") });
    set(trail, { d: made.path.slice(0, k + 1).map((values, j) => `${j ? "L" : "M"}${where(values, at.pin)}`).join("") });
    const [px, py] = where(x, at.pin);
    const aim = made.x0[k] ? where(made.x0[k], at.pin) : [px, py];
    set(belief, { d: `M${px},${py}L${aim}` });
    set(cross, { d: `M${aim}m-5,-5l10,10m0,-10l-10,10` });
    const side = Number(aim[0]) < Number(px) ? -1 : 1; // away from the point
    set(label, { x: Number(aim[0]) + 9 * side, y: Number(aim[1]) - 7, "text-anchor": side < 0 ? "end" : "start" });
    label.textContent = t ? "x̂₀" : "";
    set(handle, {
      transform: `translate(${px},${py})`, "aria-valuenow": at.pin + 1,
      "aria-valuetext": `point ${at.pin + 1} at ${fmt(x[2 * at.pin], 2)}, ${fmt(x[2 * at.pin + 1], 2)}`,
    });
    field.set(at.field);
    sampler.set(at.sampler);
    steps.set(at.steps);
    set(shown.el.querySelector("input"), { step: 1 / at.steps });
    shown.set(at.shown);
    say.say(words(at, made, t));
  };

  /** Some steps of the walk, for at most a slice of time; whether more are to be made. */
  const work = () => {
    const end = performance.now() + SLICE;
    while (!made.done && performance.now() < end) made.next();
    set(view.svg, { "aria-busy": String(!made.done) });
    draw();
    return !made.done;
  };
  const update = () => {
    const at = now();
    const key = JSON.stringify([at.field, at.sampler, at.steps, at.seed]);
    if (key === asked) return draw();
    asked = key;
    working();
    made = walker(at);
    if (work()) working = animate(el, work);
    return undefined;
  };

  const preset = (values) => () => {
    stop();
    change(model, { shown: 1, ...values });
  };
  el.replaceChildren(
    buttons("Show me", {
      "DDPM, learned": preset({ field: "learned", sampler: "ddpm", steps: 50 }),
      "DDIM, 10 steps": preset({ field: "learned", sampler: "ddim", steps: 10 }),
      "5 steps: too few": preset({ field: "exact", sampler: "ddim", steps: 5 }),
      "mean only: collapse": preset({ field: "exact", sampler: "mean", steps: 100 }),
      "exact DDPM": preset({ field: "exact", sampler: "ddpm", steps: 200 }),
      "new noise": () => change(model, { seed: model.get("seed") + 1 }),
      "play": play,
    }),
    say.el,
    view.el,
    shown.el,
    h("p", { style: "font-size: .88em; margin: 0; color: var(--ink-soft)" }, "Grey: the exact density of x_t. Orange: one point, its path from the noise, and a dashed line to x̂₀, the data it is now believed to be. Click near another point to pin that one."),
    h("div", { class: "gt-controls" }, field.el, sampler.el, steps.el),
  );
  const unwatch = watch(model, NAMES, update);
  update();
  return () => {
    unwatch();
    stop();
    working();
    view.stop();
  };
}

export default { render };
