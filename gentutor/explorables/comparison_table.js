import { buttons, change, choice, fmt, h, plot, s, sentence, set, simpson, slider, state, ticks, watch } from "./core.js";

const SHARED = ["fid", "kid", "bits_per_dim", "precision", "recall"]; // measured on test images, the same ones for all rows of a seed
const NAMES = ["x", "y", "minutes", "seeds", "report"];
const LEVEL = 0.95;
const STRIP = { right: 76, top: 34 }; // for rows that lack the measure across, or the one up
const TALL = 340;

/** better: −1 less, 1 more, 0 the closer to 1. wins: what is said of the first. */
const MEASURES = {
  fid: { text: "FID", brief: "FID", scale: "log", better: -1, wins: "has the lowest FID" },
  kid: { text: "KID", brief: "KID", scale: "asinh", better: -1, wins: "has the lowest KID" },
  bits_per_dim: { text: "bits per dimension", brief: "bits", scale: "log", better: -1, wins: "needs the fewest bits per dimension" },
  precision: { text: "precision", brief: "precision", scale: "linear", better: 1, wins: "has the highest precision" },
  recall: { text: "recall", brief: "recall", scale: "linear", better: 1, wins: "has the highest recall" },
  sample_seconds: {
    text: "seconds to sample 1\u00a0000", option: "seconds to sample", brief: "sampling time", scale: "log", better: -1, wins: "takes the fewest seconds to sample 1\u00a0000",
  },
  train_seconds: { text: "seconds to train", brief: "training time", scale: "log", better: -1, wins: "took the fewest seconds to train" },
  parameters: { text: "parameters", brief: "size", scale: "log", better: -1, wins: "has the fewest parameters" },
  nearest: {
    text: "distance to training images", option: "distance to training", brief: "distance", scale: "linear", better: 0,
    wins: "comes closest to 1 in its distance to training images",
  },
};
const LABELS = { gaussian: "Gaussian", vae: "VAE", gan: "GAN", ddpm: "DDPM", "ddpm, 10 steps": "DDPM, 10 steps" };
const PRESETS = {
  "Look at FID": { y: "fid", x: "parameters", report: "mean" },
  Likelihood: { y: "bits_per_dim", x: "fid", report: "mean" },
  "Time to sample matters": { y: "fid", x: "sample_seconds", report: "mean" },
  "Who copies?": { y: "nearest", x: "fid", report: "mean" },
  "Cover everything": { y: "recall", x: "precision", report: "mean" },
};

// ---- statistics ----------------------------------------------------------------------------------------------------

const total = (values) => values.reduce((a, b) => a + b, 0);
const mean = (values) => total(values) / values.length;
const variance = (values) => {
  const m = mean(values);
  return total(values.map((v) => (v - m) ** 2)) / (values.length - 1);
};

/** ∫ cosh(u)^−power over u ≥ start: Student's law, with T = √df sinh u. */
const powerOfCosh = (start, power) => {
  const reach = Math.acosh(Math.exp(40 / power)); // beyond it no value is above e^−40 of the first
  return simpson((u) => Math.exp(-power * (u + Math.log1p(Math.exp(-2 * u)) - Math.LN2)), start, start + reach, 4000);
};
/** P(T > t) of Student's law, t ≥ 0. */
export const tTail = (t, df) => powerOfCosh(Math.asinh(t / Math.sqrt(df)), df) / powerOfCosh(0, df) / 2;

const quantiles = new Map();
/** The t with P(T > t) = (1 − LEVEL) / 2. */
export const tQuantile = (df) => {
  if (!quantiles.has(df)) {
    let [low, high] = [0, 200];
    for (let i = 0; i < 60; i += 1) {
      const middle = (low + high) / 2;
      [low, high] = tTail(middle, df) > (1 - LEVEL) / 2 ? [middle, high] : [low, middle];
    }
    quantiles.set(df, (low + high) / 2);
  }
  return quantiles.get(df);
};

/** Mean of the values and half the length of Student's interval for it; NaN from a single value. */
export const interval = (values) => {
  const n = values.length;
  return { mean: mean(values), half: n > 1 ? tQuantile(n - 1) * Math.sqrt(variance(values) / n) : NaN };
};

/** Welch's test: { value, p, df }; null where one has a single value or neither varies. */
export const welch = (a, b) => {
  if (a.length < 2 || b.length < 2) return null;
  const [u, v] = [variance(a) / a.length, variance(b) / b.length];
  if (!(u + v > 0)) return null;
  const df = 1 / ((u / (u + v)) ** 2 / (a.length - 1) + (v / (u + v)) ** 2 / (b.length - 1));
  const value = mean(a) - mean(b);
  return { value, df, p: 2 * tTail(Math.abs(value) / Math.sqrt(u + v), df) };
};

/** Student's test of the differences, value by value: { value, p, df }; null where there are not two that differ. */
export const paired = (a, b) => {
  const gaps = a.map((v, i) => v - b[i]);
  const [value, error, df] = [mean(gaps), Math.sqrt(variance(gaps) / gaps.length), gaps.length - 1];
  return error > 0 ? { value, df, p: 2 * tTail(Math.abs(value) / error, df) } : null;
};

/** Which of the points no other dominates; smaller is better in every number. Of equal points all stay. */
export const front = (points) =>
  points.map((p) => !points.some((q) => q.every((v, k) => v <= p[k]) && q.some((v, k) => v < p[k])));

/** Adjusted p-values: those ≤ a hold together, wrong in any of them with probability at most a. */
export const holm = (p) => {
  const raised = [];
  let least = 0;
  [...p.keys()].sort((i, j) => p[i] - p[j]).forEach((i, k) => {
    raised[i] = least = Math.max(least, Math.min(1, (p.length - k) * p[i]));
  });
  return raised;
};

/** By how many standard deviations the best of n normal draws is better than their mean, on average. */
export const expectedBest = (n) => {
  const step = 0.01;
  let [below, sum, last] = [0, 0, 0]; // P(X < x), the integral of x n φ Φ^(n−1), φ before
  for (let x = -8; x <= 8; x += step) {
    const density = Math.exp(-x * x / 2) / Math.sqrt(2 * Math.PI);
    below += ((last + density) * step) / 2;
    last = density;
    sum += x * n * density * below ** (n - 1) * step;
  }
  return sum;
};

// ---- the table -----------------------------------------------------------------------------------------------------

const loss = (key, v) => (MEASURES[key].better ? -MEASURES[key].better * v : Math.abs(v - 1));
const least = (values) => values.indexOf(Math.min(...values));

/** One measure of one row: its values, one a seed, and what is shown: the mean and its interval, or the value of one seed. */
const judged = (key, runs, only) => {
  const values = runs.map((run) => run[key]);
  if (!values.every(Number.isFinite)) return null;
  const { mean: m, half } = interval(values);
  const shown = only === null ? m : values[only];
  return { values, mean: m, half: only === null ? half : NaN, shown, loss: loss(key, shown) };
};

/**
 * Every row at these minutes, from its first seeds: { row, name, yardstick, n, x, y, front }. ranked: the samplers that have y, the best
 * first. test: Welch's test of the first two in y, pairs: the test seed by seed where seeds share what they are judged on; for "nearest",
 * which has no better way, `apart` instead: the rows that Welch and Holm tell from the test images. front: the samplers that no other beats
 * in x and y.
 */
export function compute({ x, y, minutes, seeds, report, runs }) {
  const mine = runs.filter((run) => run.minutes === minutes);
  const rows = [...new Set(mine.map(({ row }) => row))].map((row) => {
    const used = mine.filter((run) => run.row === row).sort((a, b) => a.seed - b.seed).slice(0, seeds);
    const by = [y, x].find((key) => Number.isFinite(used[0][key]));
    const only = report === "best" && by ? least(used.map((run) => loss(by, run[by]))) : null;
    const { family, likelihood = null } = used[0];
    const [ofX, ofY] = [x, y].map((key) => judged(key, used, only));
    return { row, name: LABELS[row] ?? row, family, likelihood, yardstick: family === "data", n: used.length, seeds: used.map(({ seed }) => seed), x: ofX, y: ofY, front: false };
  });
  const placed = rows.filter((r) => !r.yardstick && r.x && r.y);
  front(placed.map((r) => [r.x.loss, r.y.loss])).forEach((on, i) => {
    placed[i].front = on;
  });
  const ranked = rows.filter((r) => !r.yardstick && r.y).sort((a, b) => a.y.loss - b.y.loss);
  const directed = MEASURES[y].better !== 0;
  const [first, second] = ranked;
  const alike = SHARED.includes(y) && second && first.n > 1 && String(first.seeds) === String(second.seeds);
  const floor = directed || report === "best" ? null : rows.find((r) => r.row === "test images" && r.y);
  const others = floor ? rows.filter((r) => r !== floor && r.y) : [];
  const adjusted = holm(others.map((r) => welch(r.y.values, floor.y.values)?.p ?? 1));
  return {
    rows, ranked, n: Math.max(...rows.map((r) => r.n)), test: directed && second ? welch(first.y.values, second.y.values) : null,
    pairs: alike ? paired(first.y.values, second.y.values) : null, apart: others.filter((_, i) => adjusted[i] < 0.05), front: placed.filter((r) => r.front).sort((a, b) => a.y.loss - b.y.loss),
  };
}

// ---- words ---------------------------------------------------------------------------------------------------------

const capital = (text) => text[0].toUpperCase() + text.slice(1);
const listed = (names) => (names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`);
const many = (n, one) => `${n} ${one}${n === 1 ? "" : "s"}`;

/** A value, and half its interval where there is one, to one or two figures of the interval, or three of the value. */
const figure = (key, { shown, half }) => {
  if (key === "parameters") return shown >= 1e6 ? `${fmt(shown / 1e6, 2)} M` : `${fmt(shown / 1e3, 0)} k`;
  const [first, power] = half > 0 ? half.toExponential(1).split("e").map(Number) : [1, Math.floor(Math.log10(Math.abs(shown) || 1)) - 1];
  const digits = Math.min(Math.max((first < 3 ? 1 : 0) - power, 0), 4);
  return fmt(shown, digits) + (half > 0 ? `\u00a0±\u00a0${fmt(half, digits)}` : "");
};
const chance = (p) => (p < 0.001 ? "p\u00a0<\u00a00.001" : `p\u00a0=\u00a0${fmt(p, p < 0.1 ? 3 : 2)}`);

/** Which rows are nearer to the training images than test images are, or farther, by more than chance. */
const distances = (floor, apart) => {
  const some = (way, rows) => (rows.length ? `${way}: ${listed(rows.map((r) => `${r.name} (${figure("nearest", { shown: r.y.mean })})`))}.` : "");
  const [nearer, farther] = [apart.filter((r) => r.y.mean < floor.y.mean), apart.filter((r) => r.y.mean >= floor.y.mean)];
  const why = ", by more than chance (Welch and Holm)";
  return [some(`Nearer${why}`, nearer), some(`Farther${nearer.length ? "" : why}`, farther)].filter(Boolean).join(" ") || "Chance may explain the distances of all others.";
};

const tested = ({ p }, pairs) => {
  if (p < 0.05) return `${chance(p)}, more than chance.`;
  if (pairs?.p < 0.05) return `${chance(p)}; but seed by seed, on the same test images, ${chance(pairs.p)}.`;
  return `${chance(p)}${pairs ? `, seed by seed ${chance(pairs.p)}` : ""}: chance may have put them in this order.`;
};

const words = (at, { rows, ranked, test, pairs, apart, front: unbeaten, n }) => {
  const { wins, brief, better } = MEASURES[at.y];
  if (!ranked.length) return `No sampler has a number for ${brief} here.`;
  const [first, second] = ranked;
  const best = at.report === "best" && n > 1;
  const how = n > 1 && !best ? ` (mean of ${many(first.n, "seed")}, 95 %)` : "";
  const lead = `${first.name} ${wins}: ${figure(at.y, first.y)}${how}${second ? `; next ${second.name}, ${figure(at.y, second.y)}` : ""}.`;
  const [floor, copies] = ["test images", "copies"].map((name) => rows.find(({ row, y }) => row === name && y));
  const parts = [];
  if (n === 1) parts.push(`With one seed, ${lead} One seed says nothing about chance.`);
  else if (best) {
    const [honest] = compute({ ...at, report: "mean" }).ranked;
    parts.push(`By the best of its ${first.n} seeds, ${lead} By the mean: ${honest.name}, ${figure(at.y, honest.y)}.`);
    if (better) parts.push(`The best of ${n} lies ${fmt(expectedBest(n), 2)} standard deviations beyond the mean, by luck alone.`);
  } else if (!better && floor) parts.push(`Test images have distance ${figure(at.y, floor.y)}${how}. ${distances(floor, apart)}`);
  else {
    parts.push(capital(lead));
    const twins = first.family === second?.family ? " (both are the same nets)" : "";
    if (test) parts.push(`Welch's test${twins}: ${tested(test, pairs)}`);
  }
  const earlier = Math.min(...at.runs.map((run) => run.minutes));
  if (earlier < at.minutes && better) {
    const [before] = compute({ ...at, minutes: earlier }).ranked;
    if (before) parts.push(`After ${many(earlier, "minute")}: ${before.name}, ${figure(at.y, before.y)}.`);
  }
  if (!better && copies?.x && floor?.x)
    parts.push(`Copies have ${MEASURES[at.x].brief} ${figure(at.x, copies.x)}, test images ${figure(at.x, floor.x)}.`);
  else if (at.x !== at.y && unbeaten.length && !best)
    parts.push(`Unbeaten on ${brief} and ${MEASURES[at.x].brief} together: ${unbeaten.length > 1 ? listed(unbeaten.map((r) => r.name)) : `${unbeaten[0].name} alone`}.`);
  return parts.join(" ");
};

// ---- picture -------------------------------------------------------------------------------------------------------

const SCALES = { linear: (v) => v, log: Math.log10, asinh: (v) => Math.asinh(v / 10) / Math.LN10 };
const title = (key, [less, more] = ["less is better", "more is better"]) => {
  const { text, scale, better } = MEASURES[key];
  return `${text}${{ log: " (log scale)", asinh: " (log scale above 10)", linear: "" }[scale]}: ${better ? (better < 0 ? less : more) : "1 is best"}`;
};

/** Round positions in [low, high], of the measure's own unit, and their names. */
const marksOf = (key, [low, high]) => {
  const { scale } = MEASURES[key];
  if (scale === "linear") return ticks(low, high, 6).filter((v) => !["precision", "recall"].includes(key) || (v >= 0 && v <= 1));
  if (scale === "asinh") return [-100, -10, 0, 10, 100, 1000, 10000].filter((v) => v >= low && v <= high);
  const span = Math.log10(high / low);
  if (span < 0.4) return ticks(low, high, 5);
  const found = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power += 1)
    for (const m of span > 1.5 ? [1] : [1, 2, 5]) if (m * 10 ** power >= low && m * 10 ** power <= high) found.push(m * 10 ** power);
  return found;
};
const tickName = (key, v) => {
  const plain = (u) => String(Number(u.toPrecision(6))).replace("-", "−");
  return key !== "parameters" ? plain(v) : v >= 1e6 ? `${plain(v / 1e6)} M` : `${plain(v / 1e3)} k`;
};

/** The range of a measure over all runs, so that a seed or a minute more moves points and not the axes. */
const range = (key, runs) => {
  const to = SCALES[MEASURES[key].scale];
  const values = runs.map((run) => run[key]).filter(Number.isFinite);
  const [low, high] = values.length ? [Math.min(...values.map(to)), Math.max(...values.map(to))] : [0, 1];
  const pad = 0.06 * (high - low) || 0.1;
  const from = MEASURES[key].scale === "log" ? (v) => 10 ** v : MEASURES[key].scale === "asinh" ? (v) => 10 * Math.sinh(v * Math.LN10) : (v) => v;
  return { to, scaled: [low - pad, high + pad], own: [from(low - pad), from(high + pad)] };
};

const shape = (r, x, y, size = 1) => {
  const at = (d) => ({ d: `M${x.toFixed(1)},${y.toFixed(1)}${d}`, "stroke-width": 1.6 });
  const [a, b] = [5.5 * size, 7.5 * size];
  if (r.yardstick) return s("path", { ...at(`m${-a},${-a}h${2 * a}v${2 * a}h${-2 * a}Z`), style: "fill: var(--paper); stroke: var(--ink-soft)", "stroke-width": 2.2 });
  if (r.front) return s("path", { ...at(`m0,${-b}l${b},${b}l${-b},${b}l${-b},${-b}Z`), style: "fill: var(--q); stroke: var(--paper)" });
  return s("path", { ...at(`m${-a},0a${a},${a} 0 1,0 ${2 * a},0a${a},${a} 0 1,0 ${-2 * a},0Z`), style: "fill: var(--p); stroke: var(--paper)" });
};

/** Whether the segment from (x1, y1) to (x2, y2) meets a box { l, r, t, b }: how much of it, 0 to 1 (Liang and Barsky). */
const inside = ([x1, y1, x2, y2], { l, r, t, b }) => {
  let [low, high] = [0, 1];
  for (const [way, room] of [[x1 - x2, x1 - l], [x2 - x1, r - x1], [y1 - y2, y1 - t], [y2 - y1, b - y1]]) {
    if (way === 0 && room < 0) return 0;
    if (way < 0) low = Math.max(low, room / way);
    else if (way > 0) high = Math.min(high, room / way);
  }
  return Math.max(0, high - low);
};
const overlap = (a, b) => Math.max(0, Math.min(a.r, b.r) - Math.max(a.l, b.l)) * Math.max(0, Math.min(a.b, b.b) - Math.max(a.t, b.t));

/** Where to write each name { x, y, width }: near its mark, off other names, marks, dots [x, y] and lines. Gives boxes with their leader. */
const arrangeNames = (wanted, dots, lines, frame) => {
  const high = 14;
  const boxes = wanted.map(({ x, y }) => ({ l: x - 7, r: x + 7, t: y - 7, b: y + 7 }));
  const options = wanted.map(({ x, y, width }, i) => {
    const found = [];
    for (const far of [10, 18, 28, 40, 54, 70, 90]) {
      for (let k = 0; k < 16; k += 1) {
        const [c, d] = [Math.cos((k * Math.PI) / 8), Math.sin((k * Math.PI) / 8)];
        const [cx, cy] = [x + c * (far + width / 2), y + d * (far + high / 2)];
        const box = { l: cx - width / 2 - 2, r: cx + width / 2 + 2, t: cy - high / 2, b: cy + high / 2 };
        if (box.l < frame.l || box.r > frame.r || box.t < frame.t || box.b > frame.b) continue;
        const end = [Math.min(Math.max(x, box.l + 2), box.r - 2), Math.min(Math.max(y, box.t + 2), box.b - 2)];
        const leader = [x, y, ...end];
        const fixed = 0.5 * far + (k % 4 ? 2 : 0) + total(boxes.map((b, j) => (j === i ? overlap(box, b) : overlap(box, b) / 2 + (inside(leader, b) ? 30 : 0))))
          + 9 * dots.filter(([u, v]) => u > box.l && u < box.r && v > box.t && v < box.b).length
          + total(lines.map((line) => 0.4 * inside(line, box) * Math.hypot(line[2] - line[0], line[3] - line[1])));
        found.push({ ...box, cx, cy, leader, far, fixed });
      }
    }
    return found;
  });
  const chosen = options.map((found) => found[0]);
  for (let sweep = 0; sweep < 6; sweep += 1) {
    options.forEach((found, i) => {
      const cost = (box) => box.fixed + total(chosen.map((other, j) => (j === i || !other || (!sweep && j > i) ? 0
        : 5 * overlap(box, other) + (overlap(box, other) ? 200 : 0) + (inside(box.leader, other) || inside(other.leader, box) ? 150 : 0))));
      let lowest = Infinity;
      for (const box of found) {
        if (box.fixed >= lowest) continue;
        const now = cost(box);
        if (now < lowest) [lowest, chosen[i]] = [now, box];
      }
    });
  }
  return chosen;
};

export function render({ model, el }) {
  const runs = model.get("runs");
  const lengths = [...new Set(runs.map((run) => run.minutes))].sort((a, b) => a - b);
  const counted = (minutes) => new Set(runs.filter((run) => run.minutes === minutes).map(({ seed }) => seed)).size;
  const most = Math.max(...lengths.map(counted));
  const view = plot({
    x: [0, 1], y: [0, 1], height: TALL, title: "All samplers", xTicks: [], yTicks: [], margin: { left: 44, bottom: 40, top: 24 }, redraw: () => update(),
  });
  set(view.svg, { role: "img" });
  const layer = () => {
    const node = s("g", {});
    view.marks.append(node);
    return node;
  };
  const [axes, lines, points, names] = [layer(), layer(), layer(), layer()];
  set(axes, { class: "gt-axes" });

  const options = Object.fromEntries(Object.entries(MEASURES).map(([key, { text, option = text }]) => [key, option]));
  const up = choice({ label: "Up (y)", wide: true, options, value: model.get("y"), onChange: (v) => change(model, { y: v }) });
  const across = choice({ label: "Across (x)", wide: true, options, value: model.get("x"), onChange: (v) => change(model, { x: v }) });
  const kinds = lengths.flatMap((minutes) => [[`${minutes} mean`, `${minutes} min, mean ± 95 %`], [`${minutes} best`, `${minutes} min, best seed`]]);
  const trained = choice({
    label: "Training, and report", wide: true, options: Object.fromEntries(kinds), value: `${model.get("minutes")} ${model.get("report")}`,
    onChange: (v) => change(model, { minutes: Number(v.split(" ")[0]), report: v.split(" ")[1] }),
  });
  let there = most;
  const seeds = slider({
    label: "Seeds used", min: 1, max: most, step: 1, value: Math.min(model.get("seeds"), most), format: (v) => (v > there ? `all ${there}` : `${v} of ${there}`),
    onInput: (v) => change(model, { seeds: v }),
  });
  for (const { el: box } of [up, across, trained]) box.querySelector("select").style.padding = ".15rem .3rem";
  const say = sentence();
  const soft = "font-size: .88em; color: var(--ink-soft); margin: .3rem 0";
  const note = h("p", { style: soft });
  const cell = "padding: .15em 0 .15em .5em; text-align: right; white-space: nowrap; border: 0";
  const headed = `${cell}; white-space: normal; font-weight: 500; color: var(--ink-soft)`;
  const heads = ["sampler", "", ""].map((text, i) => h("th", { scope: "col", style: i ? headed : `${headed}; text-align: left; padding-left: 0` }, text));
  const body = h("tbody", {});
  const table = h(
    "table",
    {
      style: "width: 100%; border-collapse: collapse; font-size: clamp(11px, 3.6cqi, 13px); font-variant-numeric: tabular-nums; margin: .2rem 0; background: none; "
        + "border: 0",
    },
    h("thead", {}, h("tr", { style: "background: none" }, heads)), body,
  );

  const drawAxes = (at, across2, up2, gaps) => {
    const [m, width] = [view.margin, view.width()];
    const [right, base] = [width - m.right, TALL - m.bottom];
    const strip = { style: "fill: var(--edge); opacity: .35" };
    let last = -Infinity;
    axes.replaceChildren(
      ...(gaps.right ? [s("rect", { x: right + 6, y: m.top, width: STRIP.right - 6, height: base - m.top, ...strip })] : []),
      ...(gaps.top ? [s("rect", { x: m.left, y: m.top - STRIP.top, width: right - m.left, height: STRIP.top - 6, ...strip })] : []),
      ...marksOf(at.x, across2.own).flatMap((v) => {
        const px = view.X(across2.to(v));
        const text = px - last > 34 ? tickName(at.x, v) : "";
        if (text) last = px;
        const line = s("line", { class: "gt-grid", x1: px, x2: px, y1: m.top, y2: base });
        return [line, s("text", { x: px, y: base + 16, "text-anchor": "middle" }, text)];
      }),
      ...marksOf(at.y, up2.own).flatMap((v) => [
        s("line", { class: "gt-grid", x1: m.left, x2: right, y1: view.Y(up2.to(v)), y2: view.Y(up2.to(v)) }),
        s("text", { x: m.left - 6, y: view.Y(up2.to(v)) + 4, "text-anchor": "end" }, tickName(at.y, v)),
      ]),
      s("line", { x1: m.left, x2: right, y1: base, y2: base }),
      s("line", { x1: m.left, x2: m.left, y1: m.top, y2: base }),
      s("text", { x: 2, y: 13 }, title(at.y, ["↓ better", "↑ better"])),
      s("text", { x: width - 4, y: TALL - 5, "text-anchor": "end" }, title(at.x, ["← better", "better →"])),
      ...(gaps.right ? [s("text", { x: right + 3 + STRIP.right / 2, y: base + 16, "text-anchor": "middle" }, "none")] : []),
      ...(gaps.top ? [s("text", { x: m.left - 6, y: m.top - STRIP.top / 2 + 1, "text-anchor": "end" }, "none")] : []),
    );
  };

  const draw = (at, found) => {
    const [across2, up2] = [range(at.x, runs), range(at.y, runs)];
    const gaps = { right: found.rows.some((r) => r.y && !r.x), top: found.rows.some((r) => r.x && !r.y) };
    Object.assign(view.margin, { right: 12 + (gaps.right ? STRIP.right - 12 : 0), top: 24 + (gaps.top ? STRIP.top : 0) });
    [view.x, view.y] = [across2.scaled, up2.scaled];
    view.axes();
    drawAxes(at, across2, up2, gaps);
    const { x: left, y: top, width, height } = view.inside();
    const [right, base] = [left + width, top + height];
    const clampX = (px) => view.clamp(px, [left, right]);
    const clampY = (py) => view.clamp(py, [top, base]);
    const px = (v) => (Number.isFinite(across2.to(v)) ? view.X(across2.to(v)) : -1e4);
    const py = (v) => (Number.isFinite(up2.to(v)) ? view.Y(up2.to(v)) : 1e4);
    const shown = found.rows.filter((r) => r.x || r.y);
    const share = (r, axis) => { // side by side in a strip
      const these = shown.filter((other) => !other[axis]);
      return (these.indexOf(r) + 1) / (these.length + 1);
    };
    const place = (r, x, y) => [
      x === null ? right + 6 + share(r, "x") * (STRIP.right - 6) : px(x),
      y === null ? top - STRIP.top + share(r, "y") * (STRIP.top - 6) : py(y),
    ];

    const spots = shown.map((r) => place(r, r.x?.shown ?? null, r.y?.shown ?? null));
    const [thin, dots, whiskers, ahead] = [[], [], [], []];
    const once = Math.min(...lengths) < at.minutes && at.report === "mean" ? compute({ ...at, minutes: Math.min(...lengths) }).rows : [];
    shown.forEach((r, i) => {
      const middle = place(r, r.x?.mean ?? null, r.y?.mean ?? null);
      for (let k = 0; r.n > 1 && k < r.n; k += 1) {
        const dot = place(r, r.x?.values[k] ?? null, r.y?.values[k] ?? null);
        dots.push(dot);
        thin.push([...middle, ...dot]);
      }
      const [x, y] = spots[i];
      if (r.x?.half > 0) whiskers.push([clampX(px(r.x.mean - r.x.half)), y, clampX(px(r.x.mean + r.x.half)), y]);
      if (r.y?.half > 0) whiskers.push([x, clampY(py(r.y.mean - r.y.half)), x, clampY(py(r.y.mean + r.y.half))]);
      const before = once.find(({ row }) => row === r.row);
      if (before && r.x && r.y && before.x && before.y && !r.yardstick) ahead.push([...place(r, before.x.shown, before.y.shown), x, y]);
    });
    const monotone = MEASURES[at.x].better && MEASURES[at.y].better;
    const steps = [...found.front].sort((a, b) => a.x.loss - b.x.loss).map((r) => [px(r.x.shown), py(r.y.shown)]);
    const worse = [MEASURES[at.x].better < 0 ? right : left, MEASURES[at.y].better < 0 ? top : base];
    const stairs = [];
    if (monotone && at.x !== at.y)
      steps.forEach(([x, y], i) => stairs.push([x, i ? steps[i - 1][1] : worse[1], x, y], [x, y, i + 1 < steps.length ? steps[i + 1][0] : worse[0], y]));
    const joined = (list) => list.map(([a, b, c, d]) => `M${a.toFixed(1)},${b.toFixed(1)}L${c.toFixed(1)},${d.toFixed(1)}`).join("") || "M0,0";
    lines.replaceChildren(
      s("path", { d: joined(stairs), style: "stroke: var(--q); opacity: .8", "stroke-width": 1.6, "stroke-dasharray": "6 3" }),
      s("path", { d: joined(ahead), style: "stroke: var(--ink-soft)", "stroke-width": 1.3, "stroke-dasharray": "1.5 3", "stroke-linecap": "round" }),
      s("path", { d: joined(thin), style: "stroke: var(--ink-soft); opacity: .45", "stroke-width": 1 }),
      s("path", { d: joined(whiskers), style: "stroke: var(--ink)", "stroke-width": 1.6 }),
    );
    points.replaceChildren(
      ...ahead.map(([x, y]) => s("circle", { cx: x, cy: y, r: 2.6, style: "fill: var(--paper); stroke: var(--ink-soft)" })),
      ...dots.map(([x, y]) => s("circle", { cx: x, cy: y, r: 2.2, style: "fill: var(--ink); opacity: .6" })),
      ...shown.map((r, i) => [Number(r.front), shape(r, ...spots[i])]).sort(([a], [b]) => a - b).map(([, mark]) => mark), // the front on top
    );
    const halo = "font-size: 12px; paint-order: stroke; stroke: var(--paper); stroke-width: 3.5px; stroke-linejoin: round";
    const texts = shown.map((r) => s("text", { style: halo, "text-anchor": "middle" }, r.name));
    names.replaceChildren(...texts);
    const wanted = spots.map(([x, y], i) => ({ x, y, width: texts[i].getComputedTextLength?.() || 6.2 * shown[i].name.length }));
    const edges = [gaps.right && [right + 6, top, right + 6, base], gaps.top && [left, top - 6, right, top - 6]].filter(Boolean);
    const frame = { l: left, r: right + (gaps.right ? STRIP.right : 8), t: top - (gaps.top ? STRIP.top : 0), b: base };
    const boxes = arrangeNames(wanted, dots, [...whiskers, ...ahead, ...stairs, ...edges], frame);
    const leaders = boxes.filter((box) => box && box.far > 10).map(({ leader }) => leader);
    boxes.forEach((box, i) => (box ? set(texts[i], { x: box.cx.toFixed(1), y: (box.cy + 4).toFixed(1) }) : texts[i].remove()));
    names.prepend(s("path", { d: joined(leaders), style: "stroke: var(--ink-soft)", "stroke-width": 0.9 }));
  };

  const list = (at, { rows, ranked }) => {
    const rest = rows.filter((r) => !ranked.includes(r)).sort((a, b) => Number(a.yardstick) - Number(b.yardstick));
    heads[1].textContent = MEASURES[at.y].text;
    heads[2].textContent = at.x === at.y ? "" : MEASURES[at.x].text;
    body.replaceChildren(
      ...[...ranked, ...rest].map((r, i) => {
        const value = (key) => (r[key] ? `${at[key] === "bits_per_dim" && r.likelihood === "bound" ? "≤ " : ""}${figure(at[key], r[key]).replaceAll("\u00a0", "\u2009")}` : "–");
        const mark = s("svg", { width: 18, height: 16, viewBox: "0 0 18 16", role: "img", style: "vertical-align: -3px; margin-right: .3em" }, shape(r, 9, 8, 0.9));
        set(mark, { "aria-label": r.yardstick ? "yardstick" : r.front ? "unbeaten" : "not on the front" });
        return h(
          "tr",
          { style: `background: none; border-top: 1px solid var(--edge); ${i === 0 && ranked.length ? "font-weight: 650" : ""}` },
          h("th", { scope: "row", style: `${cell}; text-align: left; padding-left: 0; font-weight: inherit` }, mark, ranked.includes(r) ? `${i + 1}. ` : "", r.name),
          h("td", { style: cell }, value("y")),
          h("td", { style: cell }, at.x === at.y ? "" : value("x")),
        );
      }),
    );
  };

  const update = () => {
    const at = { ...state(model, NAMES), runs };
    const found = compute(at);
    draw(at, found);
    list(at, found);
    there = counted(at.minutes);
    const text = words(at, found);
    set(view.svg, { "aria-label": `${title(at.y)}, against ${title(at.x)}. ${text}` });
    note.textContent = [
      "◆ unbeaten on both, dashed: the front. ● the others. □ yardsticks, out of the contest. Small dots: single seeds.",
      "Lines: 95 % interval of the mean (Student's t), cut at the frame.",
      at.report === "mean" && found.n > 1 && "Rows of one seed are judged on the same test images; Welch's test takes no notice of that.",
      Math.min(...lengths) < at.minutes && at.report === "mean" && `Dotted: from ${many(Math.min(...lengths), "minute")} to ${at.minutes}.`,
      [at.x, at.y].includes("bits_per_dim") && "Bits with ≤: an upper bound; without it: an estimate.",
      [at.x, at.y].includes("nearest") && "Distance: median to the nearest training image, over that of test images; copies have 0.",
    ].filter(Boolean).join(" ");
    up.set(at.y);
    across.set(at.x);
    trained.set(`${at.minutes} ${at.report}`);
    seeds.set(Math.min(at.seeds, most));
    say.say(text);
  };

  const short = lengths[0];
  const presets = Object.fromEntries(Object.entries(PRESETS).map(([name, values]) => [name, { ...values, minutes: short, seeds: most }]));
  presets["One seed"] = { seeds: 1 };
  if (lengths.length > 1) presets[`${lengths.at(-1)} minutes instead of ${short}`] = { minutes: lengths.at(-1), seeds: most, report: "mean" };
  el.replaceChildren(
    buttons("Show me", Object.fromEntries(Object.entries(presets).map(([name, values]) => [name, () => change(model, values)]))),
    view.el,
    say.el,
    h("div", { class: "gt-controls" }, up.el, across.el, trained.el, seeds.el),
    table,
    note,
  );
  const unwatch = watch(model, NAMES, update);
  update();
  return () => {
    unwatch();
    view.stop();
  };
}

export default { render };
