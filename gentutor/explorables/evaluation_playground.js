import { buttons, change, choice, fmt, h, plot, rng, s, sentence, set, slider, state, watch } from "./core.js";

const K = 3; // neighbours
const BAND = 0.5; // bandwidth of the Gaussian kernel
const REACH = 4.6; // of the picture, above and below the middle
const NAMES = ["kind", "strength", "n", "seed", "show"];
const MODES = ["A", "B", "C", "D", "E"];
const STD = 0.4;
const CENTRES = MODES.map((_, k) => [2 * Math.sin((2 * Math.PI * k) / 5), 2 * Math.cos((2 * Math.PI * k) / 5)]);

// ---- the points: flat lists x0, y0, x1, y1, … --------------------------------------------------------------------

/** n draws of the mixture: points, and the mode that each came from. */
const sample = (n, seed) => {
  const { uniform, normal } = rng(seed);
  const modes = Array.from({ length: n }, () => Math.floor(MODES.length * uniform()));
  return { modes, points: Float64Array.from(modes.flatMap((k) => CENTRES[k].map((c) => c + STD * normal()))) };
};

const pointwise = (points, move) => {
  const moved = new Float64Array(points.length);
  for (let i = 0; i < points.length; i += 2) [moved[i], moved[i + 1]] = move(points[i], points[i + 1], i / 2);
  return moved;
};

/** The points, moved and mixed so that their mean and covariance are exactly those of `target`. */
const matched = (points, target) => {
  const [own, want] = [points, target].map((x) => moments(sums(x), x.length / 2));
  const [a, b] = [own, want].map(({ xx, xy, yy }) => [Math.sqrt(xx), xy / Math.sqrt(xx), Math.sqrt(yy - (xy * xy) / xx)]); // Cholesky factors
  return pointwise(points, (x, y) => {
    const u = (x - own.x) / a[0];
    const v = (y - own.y - a[1] * u) / a[2];
    return [want.x + b[0] * u, want.y + b[1] * u + b[2] * v];
  });
};

/** How each kind of fault changes the perfect generator's points, by a strength from 0 to 1. */
const distinct = (n, by) => Math.max(1, Math.round(n * (1 - by)));
const SPOIL = {
  none: ({ points }) => points,
  move: ({ points }, by) => pointwise(points, (x, y) => [x + 1.5 * by, y]),
  scale: ({ points }, by) => pointwise(points, (x, y) => [x * (1 + by / 2), y * (1 + by / 2)]),
  rotate: ({ points }, by) => {
    const [cos, sin] = [Math.cos((by * Math.PI) / 5), Math.sin((by * Math.PI) / 5)];
    return pointwise(points, (x, y) => [cos * x + sin * y, cos * y - sin * x]);
  },
  narrow: ({ points, modes }, by) => pointwise(points, (x, y, i) => CENTRES[modes[i]].map((c, d) => c + (1 - by) * ((d ? y : x) - c))),
  drop: ({ points, modes }, by) => {
    const { uniform } = rng(5);
    return pointwise(points, (x, y, i) => {
      const [lost, to] = [uniform() < by, CENTRES[1 + Math.floor(4 * uniform())]];
      return modes[i] || !lost ? [x, y] : [x - CENTRES[0][0] + to[0], y - CENTRES[0][1] + to[1]];
    });
  },
  stray: (base, by) => {
    const rest = SPOIL.drop(base, 1);
    return pointwise(rest, (x, y, i) => (i < K ? [0.5 * (i - 1), 2.2 + 2 * by + 0.1 * i] : [x, y]));
  },
  duplicate: ({ points }, by) => {
    const few = distinct(points.length / 2, by);
    return pointwise(points, (x, y, i) => points.slice(2 * (i % few), 2 * (i % few) + 2));
  },
  copy: ({ points }, by, real) => pointwise(points, (x, y, i) => (i < by * (points.length / 2) ? real.slice(2 * i, 2 * i + 2) : [x, y])),
  blob: ({ points }, by, real) => {
    const { normal } = rng(Math.abs(Math.round(1e6 * points[0])) + 11);
    return matched(pointwise(points, (x, y, i) => (i < by * (points.length / 2) ? [1.5 * normal(), 1.5 * normal()] : [x, y])), real);
  },
};

/** The real sample and two generators' samples, as many points each: the perfect one's, and the same spoilt. */
export function draw({ kind, strength, n, seed }) {
  const real = sample(n, 2 * seed).points;
  const base = sample(n, 2 * seed + 1);
  return { real, perfect: base.points, fake: SPOIL[kind](base, strength, real) };
}

// ---- measures ----------------------------------------------------------------------------------------------------

const total = (values) => values.reduce((a, b) => a + b, 0);
const mean = (values) => total(values) / values.length;
const spread = (values) => {
  const m = mean(values);
  return mean(values.map((v) => (v - m) ** 2));
};
/** The jackknife's standard error from the values with each point left out, one list for each of the samples. */
const jackknife = (...left) => Math.sqrt(total(left.map((values) => (values.length - 1) * spread(values))));

const sums = (points) => {
  const sum = { x: 0, y: 0, xx: 0, xy: 0, yy: 0 };
  for (let i = 0; i < points.length; i += 2) add(sum, points[i], points[i + 1], 1);
  return sum;
};
const add = (sum, x, y, sign) => {
  sum.x += sign * x;
  sum.y += sign * y;
  sum.xx += sign * x * x;
  sum.xy += sign * x * y;
  sum.yy += sign * y * y;
  return sum;
};
const moments = ({ x, y, xx, xy, yy }, n) => ({ x: x / n, y: y / n, xx: (xx - (x * x) / n) / (n - 1), xy: (xy - (x * y) / n) / (n - 1), yy: (yy - (y * y) / n) / (n - 1) });
const determinant = ({ xx, xy, yy }) => Math.max(0, xx * yy - xy * xy);

/** |m1 − m2|² + tr(C1 + C2 − 2 (C1 C2)^½) in the plane: the trace of the root is √(tr C1 C2 + 2 √det C1 C2). */
export function frechet(a, b) {
  const cross = a.xx * b.xx + 2 * a.xy * b.xy + a.yy * b.yy + 2 * Math.sqrt(determinant(a) * determinant(b));
  return Math.max(0, (a.x - b.x) ** 2 + (a.y - b.y) ** 2 + a.xx + a.yy + b.xx + b.yy - 2 * Math.sqrt(Math.max(0, cross)));
}

/** FID with the jackknife's standard error and estimate of its bias. */
const fid = (real, fake) => {
  const [all, n] = [[real, fake].map(sums), real.length / 2];
  const [a, b] = all.map((sum) => moments(sum, n));
  const value = frechet(a, b);
  const without = (points, sum, other) =>
    Array.from({ length: n }, (_, i) => frechet(moments(add({ ...sum }, points[2 * i], points[2 * i + 1], -1), n - 1), other));
  const left = [without(real, all[0], b), without(fake, all[1], a)];
  return { value, error: jackknife(...left), bias: total(left.map((values) => (n - 1) * (mean(values) - value))) };
};

/** Of each point: the sums of both kernels over the others, and the squared distance to its K-th nearest other. */
const within = (points) => {
  const n = points.length / 2;
  const [cubic, gauss] = [new Float64Array(n), new Float64Array(n)];
  const near = new Float64Array(n * K).fill(Infinity);
  const note = (i, d) => {
    let at = (i + 1) * K - 1;
    if (d >= near[at]) return;
    for (; at > i * K && near[at - 1] > d; at -= 1) near[at] = near[at - 1];
    near[at] = d;
  };
  for (let i = 0; i < n; i += 1) {
    for (let j = 0; j < i; j += 1) {
      const d = gap(points, i, points, j);
      const [k, g] = [cube(points, i, points, j), bell(d)];
      cubic[i] += k;
      cubic[j] += k;
      gauss[i] += g;
      gauss[j] += g;
      note(i, d);
      note(j, d);
    }
  }
  return { cubic, gauss, radii: Float64Array.from({ length: n }, (_, i) => near[(i + 1) * K - 1]) };
};

/** Of two points: the squared distance, the kernel (x·y / 2 + 1)³, and the Gaussian kernel of a squared distance. */
const gap = (x, i, y, j) => (x[2 * i] - y[2 * j]) ** 2 + (x[2 * i + 1] - y[2 * j + 1]) ** 2;
const cube = (x, i, y, j) => {
  const v = (x[2 * i] * y[2 * j] + x[2 * i + 1] * y[2 * j + 1]) / 2 + 1;
  return v * v * v;
};
const bell = (square) => Math.exp(-square / (2 * BAND * BAND));

/** The same across two samples, with which points lie in a ball of the other sample and each fake point's nearest real one. */
const across = (real, fake, { radii: realRadii }, { radii: fakeRadii }) => {
  const n = real.length / 2;
  const zeros = () => [new Float64Array(n), new Float64Array(n)];
  const [cubic, gauss] = [zeros(), zeros()];
  const [precise, recalled] = [new Array(n).fill(false), new Array(n).fill(false)];
  const [least, nearest] = [new Float64Array(n).fill(Infinity), new Int32Array(n)];
  for (let i = 0; i < n; i += 1) {
    for (let j = 0; j < n; j += 1) {
      const d = gap(real, i, fake, j);
      const [k, g] = [cube(real, i, fake, j), bell(d)];
      cubic[0][i] += k;
      cubic[1][j] += k;
      gauss[0][i] += g;
      gauss[1][j] += g;
      if (d <= realRadii[i]) precise[j] = true;
      if (d <= fakeRadii[j]) recalled[i] = true;
      if (d < least[j]) {
        least[j] = d;
        nearest[j] = i;
      }
    }
  }
  return { cubic, gauss, precise, recalled, nearest, distances: least.map(Math.sqrt) };
};

/** The unbiased squared MMD and the jackknife's standard error, from the sums of the kernel of each point. */
const mmd = (xx, yy, [xy, yx]) => {
  const n = xx.length;
  const [x, y, cross] = [xx, yy, xy].map(total);
  const squared = (a, b, c, p, q) => a / (p * (p - 1)) + b / (q * (q - 1)) - (2 * c) / (p * q);
  const left = [xx.map((v, i) => squared(x - 2 * v, y, cross - xy[i], n - 1, n)), yy.map((v, i) => squared(x, y - 2 * v, cross - yx[i], n, n - 1))];
  return { value: squared(x, y, cross, n, n), error: jackknife(...left) };
};

/** The posterior of the modes at a point: the classifier, exact. */
const posterior = (x, y) => {
  const logs = CENTRES.map(([a, b]) => -((x - a) ** 2 + (y - b) ** 2) / (2 * STD * STD));
  const top = Math.max(...logs);
  const parts = logs.map((l) => Math.exp(l - top));
  return parts.map((p) => p / total(parts));
};
const entropy = (p) => -total(p.map((v) => (v > 0 ? v * Math.log(v) : 0)));

/** Inception Score with its two entropies, the mean of the labels' probabilities and the jackknife's standard error. */
const inception = (fake) => {
  const n = fake.length / 2;
  const labels = Array.from({ length: n }, (_, i) => posterior(fake[2 * i], fake[2 * i + 1]));
  const [sum, own] = [MODES.map((_, k) => total(labels.map((p) => p[k]))), labels.map(entropy)];
  const [marginal, conditional] = [entropy(sum.map((v) => v / n)), mean(own)];
  const left = labels.map((p, i) => Math.exp(entropy(sum.map((v, k) => (v - p[k]) / (n - 1))) - (n * conditional - own[i]) / (n - 1)));
  return { value: Math.exp(marginal - conditional), error: jackknife(left), marginal, conditional, shares: sum.map((v) => v / n) };
};

const share = (flags) => {
  const value = mean(flags.map(Number));
  return { value, error: Math.sqrt((value * (1 - value)) / (flags.length - 1)) };
};

/** Every measure of one generator, each { value, error }, and what the picture needs. */
export function judge(real, fake, own = within(real)) {
  const theirs = within(fake);
  const both = across(real, fake, own, theirs);
  return {
    fid: fid(real, fake), kid: mmd(own.cubic, theirs.cubic, both.cubic), mmd: mmd(own.gauss, theirs.gauss, both.gauss),
    precision: share(both.precise), recall: share(both.recalled), inception: inception(fake),
    nearest: { value: mean(both.distances), error: Math.sqrt(spread(both.distances) / (fake.length / 2 - 1)) },
    seen: { ...both, realRadii: own.radii, fakeRadii: theirs.radii },
  };
}

/** What depends on n and seed alone, kept for the next call: a fault is changed more often than they are. */
let kept = {};
const ground = ({ n, seed }, real, perfect) => {
  if (kept.n !== n || kept.seed !== seed) {
    const own = within(real);
    kept = { n, seed, own, best: judge(real, perfect, own) };
  }
  return kept;
};

/** Both generators judged against the real sample, and which measure tells them apart by more than two standard errors. */
export function compute(at) {
  const { real, perfect, fake } = draw(at);
  const { own, best } = ground(at, real, perfect);
  const ours = judge(real, fake, own);
  return { real, fake, ours, best, told: Object.fromEntries(MEASURES.map(({ key, sign }) => [key, told(ours[key], best[key], sign)])) };
}

const MEASURES = [
  { key: "fid", name: "FID", long: "FID", sign: -1, digits: 3 },
  { key: "kid", name: "KID", long: "KID", sign: -1, digits: 2 },
  { key: "mmd", name: "MMD²", long: "MMD²", sign: -1, digits: 3 },
  { key: "precision", name: "precision", long: "precision", sign: 1, digits: 2 },
  { key: "recall", name: "recall", long: "recall", sign: 1, digits: 2 },
  { key: "inception", name: "IS", long: "the Inception Score", sign: 1, digits: 2 },
  { key: "nearest", name: "nearest", long: "the distance to the real points", sign: 0, digits: 3 },
];
const told = (a, b, sign) => {
  const gap = a.value - b.value;
  if (Math.abs(gap) <= 2 * Math.hypot(a.error, b.error) + 1e-12) return "alike";
  return sign ? (gap * sign > 0 ? "better" : "worse") : gap < 0 ? "nearer" : "farther";
};

// ---- words -------------------------------------------------------------------------------------------------------

const percent = (by) => `${fmt(100 * by, 0)} %`;
const FAULTS = {
  none: { text: "nothing (perfect)", amount: () => "none", said: () => "nothing is wrong" },
  move: { text: "moved", amount: (by) => `by ${fmt(1.5 * by, 2)}`, said: (by) => `moved by ${fmt(1.5 * by, 2)}` },
  scale: { text: "stretched", amount: (by) => `×${fmt(1 + by / 2, 2)}`, said: (by) => `stretched to ${fmt(1 + by / 2, 2)} times the size` },
  rotate: { text: "turned", amount: (by) => `by ${fmt(36 * by, 0)}°`, said: (by) => `turned by ${fmt(36 * by, 0)}°` },
  narrow: { text: "modes too narrow", amount: (by) => `×${fmt(1 - by, 2)}`, said: (by) => `modes ${fmt(1 - by, 2)} times as wide` },
  drop: { text: "mode A dropped", amount: (by) => `${percent(by)} lost`, said: (by) => `${percent(by)} of mode A lost` },
  stray: { text: "A dropped, 3 strays", amount: (by) => `${fmt(2.2 + 2 * by, 1)} out`, said: (by) => `mode A lost, and three strays ${fmt(2.2 + 2 * by, 1)} from the middle` },
  duplicate: { text: "points repeated", amount: (by, n) => `${distinct(n, by)} left`, said: (by, n) => `${distinct(n, by)} distinct points, repeated to ${n}` },
  copy: { text: "copies of the data", amount: percent, said: (by) => `${percent(by)} of the points are copies of real ones` },
  blob: { text: "a matched blob", amount: percent, said: (by) => `${by < 1 ? `${percent(by)} from a` : "a"} Gaussian blob, with the real mean and covariance` },
};
const listed = (names) => (names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`);
const capital = (text) => text[0].toUpperCase() + text.slice(1);

const words = (at, { ours, best, told: verdicts }) => {
  const fault = capital(FAULTS[at.kind].said(at.strength, at.n));
  const which = (...verdict) => MEASURES.filter(({ key }) => verdict.includes(verdicts[key])).map(({ long }) => long);
  const bad = which("worse", "nearer", "farther");
  const blind = which("alike");
  const good = which("better");
  if (at.kind === "none") return `A perfect generator: yet with n = ${at.n} its FID is ${fmt(best.fid.value, 3)}, not 0, and its precision ${fmt(best.precision.value, 2)}, not 1. Judge others beside these numbers.`;
  const parts = [bad.length ? `${capital(listed(bad))} ${bad.length > 1 ? "tell" : "tells"} it from a perfect generator` : "No measure tells it from a perfect generator"];
  if (blind.length && bad.length) parts.push(`${listed(blind)} ${blind.length > 1 ? "do" : "does"} not`);
  if (good.length) parts.push(`${listed(good)} ${good.length > 1 ? "rate" : "rates"} it better`);
  const trap = ours.fid.value < best.fid.value / 2 && bad.length ? ` FID even ranks it first: ${fmt(ours.fid.value, 3)} against ${fmt(best.fid.value, 3)}.` : "";
  return `${fault}. ${parts.join("; ")}.${trap}`;
};

// ---- picture -----------------------------------------------------------------------------------------------------

const small = "font-size: .88em; color: var(--ink-soft); margin: .3rem 0";
const halo = "paint-order: stroke; stroke: var(--paper); stroke-width: 4px; stroke-linejoin: round";
const SHOWN = {
  ellipses: { text: "ellipses only", note: "" },
  precision: { text: "precision's discs", note: "Discs: to each real point's 3rd nearest. Bold ×: in no disc." },
  recall: { text: "recall's discs", note: "Discs: to each generated point's 3rd nearest. Ringed •: in no disc." },
  nearest: { text: "nearest real point", note: "Lines: to the nearest real point, as if those had been trained on; a copy has none." },
};

/** Points on the ellipse two standard deviations around the mean. */
const ellipse = ({ x, y, xx, xy, yy }) => {
  const [a, b] = [Math.sqrt(xx), xy / Math.sqrt(xx || 1)];
  const c = Math.sqrt(Math.max(0, yy - b * b));
  return Array.from({ length: 73 }, (_, i) => {
    const [cos, sin] = [2 * Math.cos((i * Math.PI) / 36), 2 * Math.sin((i * Math.PI) / 36)];
    return [x + a * cos, y + b * cos + c * sin];
  });
};

export function render({ model, el }) {
  const view = plot({ x: [-REACH, REACH], y: [-REACH, REACH], height: 330, title: "Real and generated points", xTicks: 7, yTicks: 5, margin: { left: 26 }, redraw: () => arrange() });
  set(view.svg, { role: "img" });
  const path = (attrs) => {
    const node = s("path", { fill: "none", ...attrs });
    view.marks.append(node);
    return node;
  };
  const discs = path({ "stroke-width": 0.6 });
  const lines = path({ style: "stroke: var(--ink-soft)", "stroke-width": 1.2 });
  const dots = path({ style: "stroke: var(--p); stroke-linecap: round", "stroke-width": 4.4 });
  const rings = path({ style: "stroke: var(--p)", "stroke-width": 1.8 });
  const crosses = path({ style: "stroke: var(--q)", "stroke-width": 1.2 });
  const bold = path({ style: "stroke: var(--q)", "stroke-width": 2.8 });
  const realRing = view.line({ style: "stroke: var(--p)", "stroke-width": 2.2 });
  const fakeRing = view.line({ style: "stroke: var(--q)", "stroke-width": 2.2, "stroke-dasharray": "7 4" });
  const means = [path({ style: "stroke: var(--p)", "stroke-width": 3 }), path({ style: "stroke: var(--q)", "stroke-width": 3 })];
  const letters = CENTRES.map(() => view.text({ style: `font-weight: 700; ${halo}`, "text-anchor": "middle" }));

  const bars = plot({ x: [-0.6, 4.6], y: [0, 0.35], height: 110, title: "Labels", xTicks: [0, 1, 2, 3, 4], tickText: (v) => MODES[v], yTicks: 0, margin: { left: 8, top: 18 }, redraw: () => update() });
  set(bars.svg, { role: "img" });
  const columns = MODES.map(() => bars.area({ style: "fill: var(--q); opacity: .75" }));
  const fifth = bars.line({ style: "stroke: var(--p)", "stroke-width": 2, "stroke-dasharray": "6 3" });
  const shares = MODES.map(() => bars.text({ "text-anchor": "middle", style: halo }));
  const split = h("p", { style: small });

  const cell = "padding: .15em .2em; text-align: right; white-space: nowrap; border: 0";
  const rows = MEASURES.map(({ name }) => ({ name, ours: h("td", { style: cell }), best: h("td", { style: cell }), told: h("td", { style: cell }) }));
  const head = (text, align = "right") => h("th", { scope: "col", style: `${cell}; text-align: ${align}; font-weight: 500; color: var(--ink-soft); white-space: normal` }, text);
  const table = h(
    "table",
    { style: "width: 100%; border-collapse: collapse; font-size: clamp(11.5px, 3.5cqi, 13px); font-variant-numeric: tabular-nums; margin: .2rem 0; background: none; border: 0" },
    h("thead", {}, h("tr", { style: "background: none" }, head("", "left"), head("this generator"), head("a perfect one"), head("verdict"))),
    h("tbody", {}, rows.map((row) => h("tr", { style: "background: none; border-top: 1px solid var(--edge)" }, h("th", { scope: "row", style: `${cell}; text-align: left; font-weight: 600` }, row.name), row.ours, row.best, row.told))),
  );
  const biased = h("p", { style: small });
  const note = h("p", { style: small });
  const say = sentence();

  const kind = choice({ label: "What is wrong", wide: true, options: Object.fromEntries(Object.entries(FAULTS).map(([key, { text }]) => [key, text])), value: model.get("kind"), onChange: (v) => change(model, { kind: v }) });
  const shown = choice({ label: "Draw", wide: true, options: Object.fromEntries(Object.entries(SHOWN).map(([key, { text }]) => [key, text])), value: model.get("show"), onChange: (v) => change(model, { show: v }) });
  for (const list of [kind, shown]) list.el.querySelector("select").style.padding = ".15rem .3rem";
  const strength = slider({
    label: "Amount", min: 0, max: 1, step: 0.05, value: model.get("strength"), format: (v) => FAULTS[model.get("kind")].amount(v, model.get("n")), onInput: (v) => change(model, { strength: v }),
  });
  const size = slider({ label: "Points a side, n", min: 20, max: 400, step: 10, value: model.get("n"), format: (v) => fmt(v, 0), onInput: (v) => change(model, { n: v }) });

  const at2 = (points, i) => [view.X(points[2 * i]), view.Y(points[2 * i + 1])].map((v) => v.toFixed(1));
  const each = (points, keep, mark) => Array.from({ length: points.length / 2 }, (_, i) => (keep(i) ? mark(...at2(points, i), i) : "")).join("");
  const cross = (x, y) => `M${x},${y}m-3,-3l6,6m0,-6l-6,6`;
  const round = (x, y, r) => `M${x},${y}m${-r},0a${r},${r} 0 1,0 ${2 * r},0a${r},${r} 0 1,0 ${-2 * r},0`;

  const drawPoints = ({ show }, { real, fake, ours: { seen } }) => {
    const unit = view.X(1) - view.X(0);
    const ball = (radii) => (x, y, i) => round(x, y, (Math.sqrt(radii[i]) * unit).toFixed(1));
    const all = () => true;
    const [recall, precision] = [show === "recall", show === "precision"];
    const colour = recall ? "var(--q)" : "var(--p)";
    set(discs, {
      d: precision ? each(real, all, ball(seen.realRadii)) : recall ? each(fake, (i) => seen.fakeRadii[i] > 0, ball(seen.fakeRadii)) : "",
      style: `fill: ${colour}; fill-opacity: .17; stroke: ${colour}; stroke-opacity: .35`,
    });
    set(lines, { d: show === "nearest" ? each(fake, all, (x, y, i) => `M${x},${y}L${at2(real, seen.nearest[i])}`) : "" });
    set(dots, { d: each(real, all, (x, y) => `M${x},${y}h0`), opacity: recall ? 0.9 : 0.75 });
    set(rings, { d: recall ? each(real, (i) => !seen.recalled[i], (x, y) => round(x, y, 5)) : "" });
    set(crosses, { d: each(fake, (i) => !precision || seen.precise[i], cross), opacity: 0.85 });
    set(bold, { d: precision ? each(fake, (i) => !seen.precise[i], cross) : "" });
    const centre = [real, fake].map((points) => moments(sums(points), points.length / 2));
    realRing.to(ellipse(centre[0]));
    fakeRing.to(ellipse(centre[1]));
    means.forEach((node, k) => set(node, { d: `M${view.X(centre[k].x)},${view.Y(centre[k].y)}${k ? "m-5,-5l10,10m0,-10l-10,10" : "m-7,0h14m-7,-7v14"}` }));
    CENTRES.forEach(([x, y], k) => letters[k].to(x * 1.72, y * 1.72 - 0.15, MODES[k]));
  };

  const update = () => {
    const at = state(model, NAMES);
    const found = compute(at);
    const { ours, best } = found;
    drawPoints(at, found);
    const { shares: p, marginal, conditional, value } = ours.inception;
    bars.y = [0, Math.max(0.35, ...p)];
    columns.forEach((column, k) => column.to([[k - 0.3, p[k]], [k + 0.3, p[k]]]));
    shares.forEach((text, k) => text.to(k, Math.max(p[k], 0.2) + 0.025, `${fmt(100 * p[k], 0)} %`));
    fifth.to([[-0.6, 0.2], [4.6, 0.2]]);
    split.textContent = `IS = exp(${fmt(marginal, 3)} − ${fmt(conditional, 3)}) = ${fmt(value, 2)}: entropy of these shares, less the mean entropy of one point's label.`;
    set(bars.svg, { "aria-label": `Shares of the labels: ${MODES.map((name, k) => `${name} ${fmt(100 * p[k], 0)} %`).join(", ")}; of the law 20 % each` });
    MEASURES.forEach(({ key, digits }, i) => {
      const text = ({ value: v, error }) => `${fmt(v, digits)}\u2009±\u2009${fmt(error, digits)}`;
      rows[i].ours.textContent = text(ours[key]);
      rows[i].best.textContent = text(best[key]);
      const verdict = found.told[key];
      rows[i].told.textContent = { worse: "▼ worse", better: "▲ better", nearer: "◂ nearer", farther: "▸ farther", alike: "alike" }[verdict];
      rows[i].told.style.fontWeight = verdict === "alike" ? 400 : 650;
    });
    biased.textContent = `± one standard error, as if the points were independent; alike: within two. At n = ${at.n} FID is too large by about ${fmt(best.fid.bias, 3)} on average, a bias that falls as 1/n. KID: cubic kernel; MMD²: Gaussian kernel, bandwidth ${fmt(BAND, 1)}; nearest: mean distance to the nearest real point.`;
    note.textContent = `• real, solid. × generated, dashed. Ellipses: two standard deviations. ${SHOWN[at.show].note}`;
    set(view.svg, { "aria-label": `${at.n} real points in five clusters and ${at.n} generated ones: ${FAULTS[at.kind].said(at.strength, at.n)}` });
    kind.set(at.kind);
    shown.set(at.show);
    strength.set(at.strength);
    strength.el.querySelector("input").disabled = at.kind === "none";
    size.set(at.n);
    say.say(words(at, found));
  };
  const arrange = () => {
    view.square();
    update();
  };

  const preset = (values) => () => change(model, { n: 200, seed: 1, ...values });
  const column = (basis, ...children) => h("div", { style: `flex: 1 1 ${basis}; min-width: 0` }, ...children);
  el.replaceChildren(
    buttons("Show me", {
      "blob beats perfect": preset({ kind: "blob", strength: 1, show: "precision" }),
      "turned: FID is blind": preset({ kind: "rotate", strength: 1, show: "precision" }),
      "a lost mode": preset({ kind: "drop", strength: 1, show: "recall" }),
      "strays hide it": preset({ kind: "stray", strength: 0.7, show: "recall" }),
      "it copies": preset({ kind: "copy", strength: 1, show: "nearest" }),
      "too careful": preset({ kind: "narrow", strength: 0.6, show: "recall" }),
      "perfect, n = 40": preset({ kind: "none", n: 40, show: "ellipses" }),
      "new draw": () => change(model, { seed: model.get("seed") + 1 }),
    }),
    say.el,
    h("div", { style: "display: flex; flex-wrap: wrap; gap: .4rem 1.2rem; align-items: flex-start" },
      column("300px", view.el, note, h("div", { class: "gt-controls", style: "grid-template-columns: repeat(auto-fit, minmax(140px, 1fr))" }, kind.el, strength.el, shown.el, size.el)),
      column("310px", table, biased, h("p", { style: small }, "What a classifier calls the generated points; dashed: the law"), bars.el, split)),
  );
  const unwatch = watch(model, NAMES, update);
  update();
  return () => {
    unwatch();
    view.stop();
    bars.stop();
  };
}

export default { render };
