import {
  animate, buttons, change, choice, fmt, h, halves, inkCanvas, paintInk, plot, reducedMotion, rng, s, sentence, set, slider, state, watch,
} from "./core.js";

const NAMES = ["schedule", "T", "t", "last", "knots", "digit"];
const FRAMES = 9;
const LOW = 1e-4; // first β of the linear schedule
const LIMIT = 12; // of the log-SNR that can be drawn
const SMALL = 0.1; // nats a digit that may be left at t = T
const POINTS = 500;
const REACH = 2.8; // of the picture of the cloud
const LINEAR = { schedule: "linear", T: 1000, last: 0.02 };

const DIGITS = (() => {
  const numbers = halves(packaged("ddpm_forward").images);
  return Array.from({ length: 10 }, (_, i) => [...numbers.slice(784 * i, 784 * (i + 1))].map((v) => v / 127.5 - 1));
})();

// ---- schedules: tables by t, entry 0 the clean data ---------------------------------------------------------------

/** log-SNR at t = 1…T on straight lines through five knots at evenly spaced t. */
const drawn = (knots, T) =>
  Array.from({ length: T }, (_, i) => {
    const u = (4 * i) / (T - 1);
    const k = Math.min(3, Math.floor(u));
    return knots[k] + (u - k) * (knots[k + 1] - knots[k]);
  });
const knotTime = (k, T) => 1 + ((T - 1) * k) / 4;

/** β_t, t = 1…T. */
const betas = ({ schedule, T, last, knots }) => {
  if (schedule === "linear") return Array.from({ length: T }, (_, i) => LOW + ((last - LOW) * i) / (T - 1));
  if (schedule === "cosine") {
    const f = (t) => Math.cos(((t / T + 0.008) / 1.008) * (Math.PI / 2)) ** 2;
    return Array.from({ length: T }, (_, i) => Math.min(0.999, 1 - f(i + 1) / f(i)));
  }
  const signal = [1, ...drawn(knots, T).map((v) => 1 / (1 + Math.exp(-v)))];
  return Array.from({ length: T }, (_, i) => 1 - signal[i + 1] / signal[i]);
};

/** KL(q(x_t | x_0) ‖ N(0, I)) in nats: what is left of x_0, a list of numbers, when sampling starts from pure noise. */
const remains = (alphaBar, x0) => {
  const square = x0.reduce((sum, v) => sum + v * v, 0);
  return 0.5 * (alphaBar * (square - x0.length) - x0.length * Math.log1p(-alphaBar));
};

/** Every number that is shown: tables β, ᾱ, log-SNR over t = 0…T, the two scales at t, and the nats a digit leaves at T. */
export function compute(now) {
  const beta = [0, ...betas(now)];
  const alphaBar = [1];
  for (let t = 1; t <= now.T; t += 1) alphaBar.push(alphaBar[t - 1] * (1 - beta[t]));
  const logSnr = alphaBar.map((a) => Math.log(a / (1 - a)));
  const t = Math.min(now.t, now.T);
  return {
    beta, alphaBar, logSnr, t, signal: Math.sqrt(alphaBar[t]), noise: Math.sqrt(1 - alphaBar[t]),
    left: remains(alphaBar[now.T], DIGITS[now.digit]), faint: alphaBar.filter((a) => a < 0.01).length / now.T,
  };
}

const percent = (share, digits = 0) => `${fmt(100 * share, digits)} %`;
const words = ({ T, digit }, { t, signal, noise, alphaBar, logSnr, left, faint }) => {
  const here = t
    ? `At t = ${t} of ${T}, x_t is ${fmt(signal, 2)} x₀ + ${fmt(noise, 2)} ε, log-SNR ${fmt(logSnr[t], 1)}.`
    : `At t = 0 of ${T} there is no noise yet.`;
  const end = alphaBar[T];
  if (left > SMALL)
    return `⚠ ᾱ_T = ${fmt(end, end < 0.01 ? 4 : 2)} is not small: ${percent(Math.sqrt(end))} of the ${digit}'s contrast is still in x_T. A sampler starts from pure noise, ` +
      `which this schedule never reaches: it leaves ${fmt(left, left < 10 ? 1 : 0)} nats of the digit behind. ${here}`;
  return `${here} At T nothing is left to see: ᾱ_T = ${end < 1e-3 ? end.toExponential(0).replace("-", "−") : fmt(end, 3)}, ${left < 5e-4 ? "less than 0.001" : fmt(left, 3)} nats of the digit. ` +
    `In ${percent(faint)} of the steps less than a tenth of its contrast is there.`;
};

// ---- data and noise: the same noise at every t --------------------------------------------------------------------

const EPS = (() => {
  const { normal } = rng(7);
  return Array.from({ length: 784 }, normal);
})();
const CLOUD = (() => {
  const { normal, uniform } = rng(11);
  return Array.from({ length: POINTS }, () => {
    const v = Math.sqrt(uniform());
    const [r, angle] = [2 * v, 2 * Math.PI * v + (uniform() < 0.5 ? Math.PI : 0)];
    return { x: [r * Math.cos(angle), r * Math.sin(angle)], eps: [normal(), normal()] };
  });
})();
const noisy = (image, a) => image.map((v, i) => Math.sqrt(a) * v + Math.sqrt(1 - a) * EPS[i]);

// ---- picture ------------------------------------------------------------------------------------------------------

/** An image in [-1, 1], with the noise beyond cut off, as ink. */
const ink = (image) => image.map((v) => Math.min(1, Math.max(0, (v + 1.5) / 3)));
const caption = (text) => h("p", { style: "font-size: .88em; margin: 0; color: var(--ink-soft)" }, text);

export function render({ model, el }) {
  const now = () => state(model, NAMES);
  const film = inkCanvas("display: block; width: 100%");
  const mark = h("div", { "aria-hidden": "true", style: "position: absolute; top: 0; bottom: 0; width: 2px; background: var(--accent)" });
  const big = inkCanvas("display: block; width: 100%");
  const title = h("span", { style: "font-weight: 650" });
  let tables = null;
  let drawnState = "";

  // -- the cloud
  const cloud = plot({ x: [-REACH, REACH], y: [-REACH, REACH], height: 236, title: "500 points of a spiral at step t", xTicks: 5, redraw: () => arrange() });
  set(cloud.svg, { role: "img" });
  const ring = s("ellipse", { fill: "none", style: "stroke: var(--ink-soft)", "stroke-width": 1.5, "stroke-dasharray": "4 3" });
  const dots = s("path", { style: "stroke: var(--p); stroke-linecap: round", "stroke-width": 3.4, opacity: 0.75 });
  cloud.marks.append(dots, ring);
  const arrange = () => {
    cloud.square();
    set(ring, { cx: cloud.X(0), cy: cloud.Y(0), rx: cloud.X(2) - cloud.X(0), ry: cloud.Y(0) - cloud.Y(2) });
    if (tables) scatter();
  };
  const scatter = () => {
    const { signal, noise } = tables;
    set(dots, { d: CLOUD.map(({ x, eps }) => `M${cloud.X(signal * x[0] + noise * eps[0]).toFixed(1)},${cloud.Y(signal * x[1] + noise * eps[1]).toFixed(1)}h0`).join("") });
  };

  // -- the three curves
  const curve = (name, y, yTicks, label, tickText) => {
    const view = plot({ x: [0, 1000], y, height: 158, title: name, xLabel: "t", xTicks: 5, yTicks, tickText, margin: { left: 44, right: 16 }, redraw: () => update(true) });
    const ghost = view.line({ style: "stroke: var(--ink-soft)", "stroke-width": 1.5, "stroke-dasharray": "2 4" });
    const line = view.line({ style: "stroke: var(--p)", "stroke-width": 2.4 });
    const rule = view.rule({ style: "stroke: var(--accent)", "stroke-width": 1.5 });
    const dot = s("circle", { r: 5, style: "fill: var(--accent)" });
    view.marks.append(dot);
    return { view, ghost, line, rule, dot, el: h("div", { style: "flex: 1 1 210px; min-width: 0" }, h("p", { style: "font-weight: 650; margin: 0; font-size: .93em" }, label), view.el) };
  };
  const curves = {
    beta: curve("β over t", [0, 0.021], 3, "β, noise of a step"),
    alphaBar: curve("ᾱ over t", [0, 1.02], 4, "ᾱ, signal left"),
    logSnr: curve("log-SNR over t", [-LIMIT, LIMIT], 4, "log-SNR"),
  };
  for (const name of ["beta", "alphaBar"]) set(curves[name].view.svg, { role: "img" });
  const ghosts = compute({ ...LINEAR, t: 0, digit: 0 });
  const handles = [0, 1, 2, 3, 4].map((k) =>
    curves.logSnr.view.handle({
      label: `Log-SNR at point ${k + 1} of 5`, axis: "y", range: [-LIMIT, LIMIT], step: 0.25, style: "color: var(--q)", valueText: (v) => `log-SNR ${fmt(v, 2)}`,
      onMove: (v) => {
        const knots = [...model.get("knots")];
        knots[k] = Math.min(k ? knots[k - 1] - 0.1 : LIMIT, Math.max(k < 4 ? knots[k + 1] + 0.1 : -LIMIT, v));
        change(model, { knots });
      },
    }));

  // -- controls
  /** Draw: start from the schedule that is there. */
  const pick = (schedule) => {
    if (schedule !== "drawn" || model.get("schedule") === "drawn") return change(model, { schedule });
    const { logSnr } = compute(now());
    const T = model.get("T");
    const knots = [0, 1, 2, 3, 4].map((k) => Math.min(LIMIT - 0.2 * k, Math.max(0.2 * (4 - k) - LIMIT, logSnr[Math.round(knotTime(k, T))])));
    return change(model, { schedule, knots });
  };
  const schedule = choice({
    label: "Schedule", options: { linear: "linear β", cosine: "cosine", drawn: "drawn by hand" }, value: model.get("schedule"), onChange: pick,
  });
  const steps = slider({
    label: "Number of steps T", min: 10, max: 1000, step: 10, value: model.get("T"), format: (v) => fmt(v, 0),
    onInput: (T) => change(model, { T, t: Math.round(Math.min(1, model.get("t") / model.get("T")) * T) }),
  });
  const time = slider({ label: "Step t", min: 0, max: 1000, step: 1, value: model.get("t"), format: (v) => fmt(v, 0), onInput: (t) => change(model, { t }) });
  const last = slider({
    label: "Last β of the linear schedule", min: 0.005, max: 0.5, step: 0.005, value: model.get("last"), format: (v) => fmt(v, 3), onInput: (v) => change(model, { last: v }),
  });
  const say = sentence();

  let stop = () => {};
  const play = () => {
    stop();
    const T = model.get("T");
    if (reducedMotion()) return change(model, { t: T });
    let at = 0;
    stop = animate(el, () => {
      at = Math.min(1, at + 1 / 240);
      change(model, { t: Math.round(at * T) });
      return at < 1;
    });
    return undefined;
  };

  const update = (moved = false) => {
    const at = now();
    tables = compute(at);
    const { t, alphaBar } = tables;
    const key = JSON.stringify([at.schedule, at.T, at.last, at.knots, at.digit]);
    if (moved || key !== drawnState) {
      if (key !== drawnState) {
        const stops = Array.from({ length: FRAMES }, (_, i) => Math.round((i * at.T) / (FRAMES - 1)));
        paintInk(film, stops.map((k) => ink(noisy(DIGITS[at.digit], alphaBar[k]))));
        set(film, { "aria-label": `A ${at.digit} at nine steps from t = 0 to ${at.T}.` });
      }
      drawnState = key;
      set(time.el.querySelector("input"), { max: at.T });
      curves.beta.view.y = [0, 1.05 * Math.max(...tables.beta)];
      for (const [name, { view, ghost, line }] of Object.entries(curves)) {
        const stride = Math.ceil(at.T / 250);
        const inside = (v) => view.clamp(v, name === "beta" ? [0, view.y[1]] : view.y);
        view.x = [0, at.T];
        view.axes();
        line.to(tables[name].map((v, k) => [k, inside(v)]).filter(([k]) => (k % stride === 0 || k === at.T) && (k || name !== "beta")));
        ghost.to(ghosts[name].map((v, k) => [(k * at.T) / 1000, inside(v)]).filter(([k], i) => i % 4 === 0 && (i || name !== "beta")));
        set(ghost.node, { display: name === "beta" ? "none" : "inline" });
      }
      handles.forEach((handle, k) => {
        set(handle.node, { display: at.schedule === "drawn" ? "inline" : "none" });
        handle.to(knotTime(k, at.T), at.knots[k]);
      });
    }
    for (const [name, { view, rule, dot }] of Object.entries(curves)) {
      rule.to(t);
      set(dot, { cx: view.X(t), cy: view.Y(view.clamp(tables[name][t], view.y)) });
    }
    paintInk(big, [ink(noisy(DIGITS[at.digit], alphaBar[t]))]);
    set(big, { "aria-label": `The ${at.digit} at t = ${t}: ${fmt(tables.signal, 2)} of it and ${fmt(tables.noise, 2)} of noise.` });
    mark.style.left = `calc(${(100 * (0.5 + (t / at.T) * (FRAMES - 1))) / FRAMES}% - 1px)`;
    title.textContent = `x_t = ${fmt(tables.signal, 2)} x₀ + ${fmt(tables.noise, 2)} ε`;
    scatter();
    set(cloud.svg, { "aria-label": `500 points of a spiral at t = ${t}: ${fmt(tables.signal, 2)} of each and ${fmt(tables.noise, 2)} of noise. The dashed circle holds 86 % of pure noise.` });
    schedule.set(at.schedule);
    steps.set(at.T);
    time.set(t);
    last.set(at.last);
    last.el.style.display = at.schedule === "linear" ? "" : "none";
    say.say(words(at, tables));
  };

  const preset = (values) => () => {
    stop();
    change(model, values);
  };
  el.replaceChildren(
    buttons("Show me", {
      "DDPM's own": preset({ ...LINEAR, t: 150 }),
      "the same, T = 100": preset({ ...LINEAR, T: 100, t: 100 }),
      "T = 100, repaired": preset({ schedule: "linear", T: 100, last: 0.2, t: 100 }),
      "cosine": preset({ schedule: "cosine", T: 1000, t: 500 }),
      "draw your own": () => {
        stop();
        pick("drawn");
      },
      "another digit": () => change(model, { digit: (model.get("digit") + 1) % 10 }),
      "play": play,
    }),
    say.el,
    h("div", { style: "position: relative; margin: .5rem 0 .2rem" }, film, mark),
    time.el,
    h("div", { style: "display: flex; flex-wrap: wrap; gap: .6rem 1.2rem; align-items: flex-start" },
      h("div", { style: "flex: 0 1 206px; min-width: 150px" }, big, title),
      h("div", { style: "flex: 1 1 230px; min-width: 0" }, cloud.el)),
    h("div", { style: "display: flex; flex-wrap: wrap; gap: .3rem 1rem; margin-top: .4rem" }, ...Object.values(curves).map((one) => one.el)),
    caption("Dotted: DDPM's own schedule, stretched to T steps. Dashed circle: radius 2, which holds 86 % of pure noise. Digit and points keep their noise ε while t moves. A schedule of your own: move the five circles on its log-SNR."),
    h("div", { class: "gt-controls" }, schedule.el, steps.el, last.el),
  );
  update();
  const unwatch = watch(model, NAMES, update);
  return () => {
    unwatch();
    stop();
    cloud.stop();
    for (const { view } of Object.values(curves)) view.stop();
  };
}

export default { render };
