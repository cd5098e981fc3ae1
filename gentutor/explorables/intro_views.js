import { buttons, change, choice, fmt, grid, h, logSumExp, plot, rng, s, sentence, set, sigmoid, slider, softplus, state, watch } from "./core.js";

const NAMES = ["means", "share", "spread", "missing", "point"];
const N = 300;
const X = [-4.2, 4.2];
const REACH = { mean: 3, point: 4 };
const TILTED = [1, 0.6, 1]; // a covariance: xx, xy, yy
const COVS = { shared: [TILTED, TILTED], own: [TILTED, [0.25, -0.05, 0.25]] };

// ---- the two views, as in gentutor.intro --------------------------------------------------------------------------

const classes = ({ means, share, spread }) =>
  [0, 1].map((y) => ({ prior: y ? share : 1 - share, mean: means.slice(2 * y, 2 * y + 2), cov: COVS[spread][y] }));

/** log p(x, y) for both labels; with x2 missing, log p(x1, y): the Gaussian's marginal. */
const logJoint = (laws, [x1, x2], missing) =>
  laws.map(({ prior, mean, cov: [xx, xy, yy] }) => {
    const [a, b] = [x1 - mean[0], x2 - mean[1]];
    const det = xx * yy - xy * xy;
    const [square, size] = missing === "x2" ? [(a * a) / xx, 2 * Math.PI * xx] : [(yy * a * a - 2 * xy * a * b + xx * b * b) / det, (2 * Math.PI) ** 2 * det];
    return Math.log(prior) - 0.5 * (square + Math.log(size));
  });
const logOdds = (laws, x, missing) => {
  const [zero, one] = logJoint(laws, x, missing);
  return one - zero;
};

const NOISE = (() => {
  const { uniform, normal } = rng(5);
  return Array.from({ length: N }, () => [uniform(), normal(), normal()]);
})();
/** Labelled draws: the same noise for every state, so that the points move with the classes. */
const draw = (laws) =>
  NOISE.map(([u, a, b]) => {
    const y = u < laws[1].prior ? 1 : 0;
    const { mean, cov: [xx, xy, yy] } = laws[y];
    const root = Math.sqrt(xx);
    return { y, x: [mean[0] + root * a, mean[1] + (xy / root) * a + Math.sqrt(yy - (xy * xy) / xx) * b] };
  });

const solve = (m, v) => {
  const rows = m.map((row, i) => [...row, v[i]]);
  for (let i = 0; i < v.length; i += 1) {
    const best = rows.slice(i).reduce((at, row, k) => (Math.abs(row[i]) > Math.abs(rows[at][i]) ? i + k : at), i);
    [rows[i], rows[best]] = [rows[best], rows[i]];
    for (let k = 0; k < v.length; k += 1) {
      if (k === i) continue;
      const factor = rows[k][i] / rows[i][i];
      for (let j = i; j <= v.length; j += 1) rows[k][j] -= factor * rows[i][j];
    }
  }
  return rows.map((row, i) => row[v.length] / row[i]);
};

const score = ([a, b, c], [x1, x2]) => a * x1 + b * x2 + c;

/** Logistic regression on the points by Newton's method: [w1, w2, b], or null when a line separates them. */
const logistic = (points) => {
  const loss = (theta) => points.reduce((sum, { x, y }) => sum + softplus((1 - 2 * y) * score(theta, x)), 0);
  let theta = [0, 0, 0];
  for (let i = 0; i < 40; i += 1) {
    const slope = [0, 0, 0];
    const curvature = [[0, 0, 0], [0, 0, 0], [0, 0, 0]];
    for (const { x, y } of points) {
      const p = sigmoid(score(theta, x));
      const input = [...x, 1];
      input.forEach((v, j) => {
        slope[j] += (p - y) * v;
        input.forEach((u, k) => {
          curvature[j][k] += p * (1 - p) * u * v;
        });
      });
    }
    if (Math.max(...slope.map(Math.abs)) < 1e-9) break;
    const step = solve(curvature, slope);
    const old = loss(theta);
    let size = 1;
    const moved = () => theta.map((v, j) => v - size * step[j]);
    while (loss(moved()) > old && size > 1e-6) size /= 2;
    theta = moved();
    if (points.every(({ x, y }) => (2 * y - 1) * score(theta, x) > 0)) return null;
  }
  return theta;
};

/** What both views say about the point, in nats, and how many of the points each gets right. */
export function compute(now) {
  const laws = classes(now);
  const points = draw(laws);
  const line = logistic(points);
  const right = (f) => points.filter(({ x, y }) => (f(x) > 0 ? 1 : 0) === y).length;
  const filling = points.reduce((sum, { x }) => sum + x[1], 0) / N;
  const seen = now.missing === "x2" ? [now.point[0], filling] : now.point;
  return {
    points, line, filling,
    logDensity: logSumExp(logJoint(laws, now.point, now.missing)),
    generative: logOdds(laws, now.point, now.missing),
    discriminative: line ? score(line, seen) : null,
    right: { generative: right((x) => logOdds(laws, x, "nothing")), discriminative: line ? right((x) => score(line, x)) : N },
  };
}

// ---- words --------------------------------------------------------------------------------------------------------

const percent = (odds) => {
  const p = 100 * sigmoid(odds);
  return p > 99.995 ? "over 99.99 %" : p < 0.005 ? "under 0.01 %" : `${fmt(p, p > 99 || p < 1 ? 2 : 0)} %`;
};
const place = ([a, b]) => `(${fmt(a, 1)}, ${fmt(b, 1)})`;

const words = (now, { line, filling, logDensity, generative, discriminative, right }) => {
  const verdict = percent(generative);
  if (now.missing === "x2") {
    const other = line ? `Logistic regression has no rule for that; with the mean ${fmt(filling, 1)} filled in it would say ${percent(discriminative)}.` : "";
    return `Only x₁ = ${fmt(now.point[0], 1)} is known. The generative view integrates x₂ out: class 1 with ${verdict}. ${other}`;
  }
  if (!line) return `A straight line separates all ${N} points, and logistic regression has no best line any more: ever larger weights fit better. The generative view gives the point ${verdict}.`;
  const at = `At ${place(now.point)}: class 1 with ${verdict} by the generative view, ${percent(discriminative)} by logistic regression.`;
  if (logDensity < -9) return `${at} But log p(x) is ${fmt(logDensity, 1)} there: such a point hardly ever comes. Only the generative view can say so.`;
  const counts = `right on ${right.generative} and ${right.discriminative} of ${N} points`;
  return now.spread === "shared"
    ? `${at} One covariance for both: both boundaries are straight, and logistic regression finds nearly the generative one (${counts}).`
    : `${at} Each class has its own covariance: the generative boundary bends, the line cannot (${counts}).`;
};

// ---- picture ------------------------------------------------------------------------------------------------------

const PRESETS = {
  "One spread": { means: [-1.2, -0.4, 1.2, 0.4], share: 0.5, spread: "shared", missing: "nothing", point: [0.9, -0.6] },
  "Two spreads": { means: [-0.2, -0.2, 0.5, 0.5], share: 0.5, spread: "own", missing: "nothing", point: [2, 2] },
  "An outlier": { means: [-1.2, -0.4, 1.2, 0.4], share: 0.5, spread: "shared", missing: "nothing", point: [3.6, -3.4] },
  "A number is missing": { means: [-0.6, -1.2, 0.6, 1.2], share: 0.5, spread: "shared", missing: "x2", point: [1.2, 0] },
  "A rare class": { means: [-1.2, -0.4, 1.2, 0.4], share: 0.1, spread: "shared", missing: "nothing", point: [0.9, -0.6] },
};
const COLORS = ["var(--p)", "var(--q)"];
const halo = "paint-order: stroke; stroke: var(--paper); stroke-width: 4px; stroke-linejoin: round";
const TURN = grid(0, 2 * Math.PI, 72);
const ellipse = ({ mean, cov: [xx, xy, yy] }, size) => {
  const [a, b] = [Math.sqrt(xx), xy / Math.sqrt(xx)];
  const c = Math.sqrt(yy - b * b);
  return TURN.map((t) => [mean[0] + size * a * Math.cos(t), mean[1] + size * (b * Math.cos(t) + c * Math.sin(t))]);
};

/** Segments of the curve f = 0 over the picture, by marching squares: [[a, b], …]. */
const SIDE = grid(...X, 70);
const curve = (f) => {
  const values = SIDE.map((x) => SIDE.map((y) => f([x, y])));
  const found = [];
  for (let i = 0; i + 1 < SIDE.length; i += 1) {
    for (let j = 0; j + 1 < SIDE.length; j += 1) {
      const corners = [[i, j], [i + 1, j], [i + 1, j + 1], [i, j + 1]];
      const cuts = corners.flatMap(([a, b], k) => {
        const [c, d] = corners[(k + 1) % 4];
        const [u, v] = [values[a][b], values[c][d]];
        if (u > 0 === v > 0) return [];
        const t = u / (u - v);
        return [[SIDE[a] + t * (SIDE[c] - SIDE[a]), SIDE[b] + t * (SIDE[d] - SIDE[b])]];
      });
      for (let k = 0; k + 1 < cuts.length; k += 2) found.push([cuts[k], cuts[k + 1]]);
    }
  }
  return found;
};

/** The part of the straight line score = level inside the picture: [] or two points. */
const straight = ([a, b, c], level) => {
  const ends = [
    ...X.map((x) => [x, (level - c - a * x) / b]),
    ...X.map((y) => [(level - c - b * y) / a, y]),
  ].filter((p) => p.every((v) => v >= X[0] - 1e-9 && v <= X[1] + 1e-9));
  ends.sort((p, q) => p[1] - q[1]);
  return ends.length < 2 ? [] : [ends[0], ends.at(-1)];
};

const knob = (view, reach, attrs) =>
  view.point({ range: () => [[-reach, reach], [-reach, reach]], step: () => 0.1, valueText: ([a, b]) => `x₁ ${fmt(a, 1)}, x₂ ${fmt(b, 1)}`, ...attrs });

/** One panel: its axes and the points. */
const panel = (title, name, redraw) => {
  const view = plot({ x: X, y: X, height: 290, title: name, xTicks: [-4, -2, 0, 2, 4], yTicks: [-4, -2, 0, 2, 4], margin: { left: 26 }, redraw });
  const path = (attrs) => {
    const node = s("path", { fill: "none", ...attrs });
    view.marks.append(node);
    return node;
  };
  const discs = path({ style: `stroke: ${COLORS[0]}; stroke-linecap: round; opacity: .7`, "stroke-width": 4 });
  const crosses = path({ style: `stroke: ${COLORS[1]}; opacity: .7`, "stroke-width": 1.3 });
  const at = (x) => x.map((v, i) => (i ? view.Y(v) : view.X(v)));
  const scatter = (points) => {
    const of = (label, mark) => points.filter(({ y, x }) => y === label && x.every((v) => v > X[0] && v < X[1])).map(({ x }) => mark(...at(x).map((v) => v.toFixed(1)))).join("");
    set(discs, { d: of(0, (a, b) => `M${a},${b}h.01`) || "M0,0" });
    set(crosses, { d: of(1, (a, b) => `M${a},${b}m-2.6,-2.6l5.2,5.2m0,-5.2l-5.2,5.2`) || "M0,0" });
  };
  const joined = (pieces) => pieces.map((piece) => piece.map((x, i) => `${i ? "L" : "M"}${at(x).map((v) => v.toFixed(1)).join(",")}`).join("")).join("") || "M0,0";
  const el = h("section", { style: "flex:1 1 270px;min-width:0" }, h("p", { style: "font-weight:650;margin:0 0 .2rem" }, title), view.el);
  return { view, path, scatter, joined, el };
};

export function render({ model, el }) {
  const say = sentence();
  const left = panel("Generative: p(y) p(x | y)", "The generative view: two classes with their densities", () => update());
  const right = panel("Discriminative: p(y | x)", "The discriminative view: the boundary of logistic regression", () => update());

  const bells = COLORS.map((color) => left.view.area({ style: `fill: ${color}; fill-opacity: .15; stroke: ${color}`, "stroke-width": 1.6 }));
  const rings = COLORS.map((color, y) => [1, 2].map((size) => ({ size, line: left.view.line({ style: `stroke: ${color}`, "stroke-width": 2.2, "stroke-dasharray": y ? "7 4" : null }) })));
  const names = COLORS.map((color) => left.view.text({ style: `fill: ${color}; font-weight: 700; ${halo}`, "text-anchor": "middle" }));
  const bend = right.path({ style: "stroke: var(--ink)", "stroke-width": 2.6, "stroke-dasharray": "1.5 4" });
  const LEVELS = [0.1, 0.5, 0.9];
  const lines = LEVELS.map((p) => right.path({ style: "stroke: var(--third)", "stroke-width": p === 0.5 ? 2.6 : 1.4 }));
  const marks = LEVELS.map(() => right.view.text({ style: `fill: var(--third); font-weight: 650; ${halo}`, "text-anchor": "middle" }));
  const rules = [left, right].map(({ view }) => view.rule({ style: "stroke: var(--ink)", "stroke-width": 1.6, "stroke-dasharray": "5 4" }));
  const ghost = left.path({ style: "stroke: var(--ink)", "stroke-width": 2.4 });

  const mean = (y) =>
    knob(left.view, REACH.mean, {
      label: `Mean of class ${y}`, style: `color: ${COLORS[y]}`,
      onMove: (at) => {
        const means = [...model.get("means")];
        means.splice(2 * y, 2, ...at);
        change(model, { means });
      },
    });
  const means = [mean(0), mean(1)];
  const point = knob(right.view, REACH.point, { label: "The point in question", style: "color: var(--ink)", onMove: (at) => change(model, { point: at }) });

  const controls = {
    share: slider({ label: "Share of class 1, p(y = 1)", min: 0.1, max: 0.9, step: 0.02, value: model.get("share"), onInput: (v) => change(model, { share: v }) }),
    spread: choice({ label: "Covariances", options: { shared: "one for both", own: "one for each" }, value: model.get("spread"), onChange: (v) => change(model, { spread: v }) }),
    missing: choice({ label: "Missing at the point", options: { nothing: "nothing", x2: "x₂" }, value: model.get("missing"), onChange: (v) => change(model, { missing: v }) }),
  };

  const update = () => {
    const now = state(model, NAMES);
    const laws = classes(now);
    const shown = compute(now);
    for (const [name, control] of Object.entries(controls)) control.set(now[name]);
    for (const { scatter } of [left, right]) scatter(shown.points);

    laws.forEach((law, y) => {
      for (const { size, line } of rings[y]) line.to(ellipse(law, size));
      names[y].to(law.mean[0], law.mean[1] + (y ? 0.5 : -0.85), `class ${y}`);
      means[y].to(...law.mean);
      const height = (x) => Math.exp(logJoint(laws, [x, 0], "x2")[y]);
      bells[y].to(SIDE.map((x) => [x, X[0] + 7 * height(x)]), X[0]);
      set(bells[y].node, { display: now.missing === "x2" ? "inline" : "none" });
    });
    for (const rule of rules) {
      rule.to(now.point[0]);
      set(rule.node, { display: now.missing === "x2" ? "inline" : "none" });
    }
    const [a, b] = [left.view.X(now.point[0]), left.view.Y(now.point[1])];
    set(ghost, { d: `M${a},${b}m-7,0a7,7 0 1 0 14,0a7,7 0 1 0 -14,0`, display: now.missing === "x2" ? "none" : "inline" });

    set(bend, { d: right.joined(curve((x) => logOdds(laws, x, "nothing"))) });
    LEVELS.forEach((p, i) => {
      const ends = shown.line ? straight(shown.line, Math.log(p / (1 - p))) : [];
      set(lines[i], { d: right.joined(ends.length ? [ends] : []) });
      const [u, v] = ends.length ? ends : [[0, 0], [0, 0]];
      const t = [0.08, 0.97, 0.84][i];
      marks[i].to(u[0] + t * (v[0] - u[0]), u[1] + t * (v[1] - u[1]), ends.length ? `${100 * p} %` : "");
    });
    point.to(...now.point);
    say.say(words(now, shown));
  };

  el.append(
    buttons("Show me", Object.fromEntries(Object.entries(PRESETS).map(([text, values]) => [text, () => change(model, values)]))),
    say.el,
    h("div", { style: "display:flex;flex-wrap:wrap;gap:.6rem 1.2rem" }, left.el, right.el),
    h("p", { style: "font-size:.88em;color:var(--ink-soft);margin:.3rem 0" },
      "Left: ellipses one and two standard deviations wide; drag the means. Right: where logistic regression, fitted to the 300 points, says 10, 50 and 90 % (lines), and the generative boundary (dots); drag the point in question."),
    h("div", { class: "gt-controls" }, ...Object.values(controls).map((control) => control.el)),
  );
  update();
  const unwatch = watch(model, NAMES, update);
  return () => {
    unwatch();
    left.view.stop();
    right.view.stop();
  };
}

export default { render };
