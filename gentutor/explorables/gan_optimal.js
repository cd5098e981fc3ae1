import {
  ACTIVATIONS, adamMemory, adamStep, animate, backward, buttons, change, fmt, forward, freshLayers, grid, h, mixtureLogPdf, normalLogPdf, pack, plot,
  reducedMotion, rng, sentence, set, sigmoid, simpson, softplus, state, unpack, watch,
} from "./core.js";

const VIEW = [-6, 6];
const MEAN = [-5, 5];
const STD = [0.3, 3];
const BATCH = 128; // draws from p_data and as many from p_G, fresh for each step
const LIMIT = 3000; // steps
const REACH = 3; // positions are divided by it before they enter the network
const THIN = 0.01; // below this density of the mixture a batch has hardly a draw
const LEAST = -Math.log(4); // the least that V(D*, G) can be
const NAMES = ["data", "g_mean", "g_std", "seed", "steps", "_net"];
const TANH = ACTIVATIONS.tanh;
const TWO = [[0.5, -2, 0.6], [0.5, 2, 0.6]];
const PRESETS = {
  "one wide p_G": { data: TWO, g_mean: 0.4, g_std: 1.6, steps: 60 },
  "p_G on one bump": { data: TWO, g_mean: 2, g_std: 0.6, steps: 60 },
  "far apart": { data: [[1, -3, 0.6]], g_mean: 3, g_std: 0.6, steps: 60 },
  "p_G = p_data": { data: [[1, 0, 1.2]], g_mean: 0, g_std: 1.2, steps: 60 },
};

// ---- the two laws ---------------------------------------------------------------------------------------------

const columns = (rows) => [0, 1, 2].map((i) => rows.map((row) => row[i]));
const logs = ({ data, g_mean, g_std }) => {
  const [weights, means, stds] = columns(data);
  return { p: (x) => mixtureLogPdf(x, weights, means, stds), g: (x) => normalLogPdf(x, g_mean, g_std) };
};

/** Nine standard deviations around both laws. */
const reach = ({ data, g_mean, g_std }) => {
  const all = [...data.map(([, mean, std]) => [mean, std]), [g_mean, g_std]];
  return [Math.min(...all.map(([m, sd]) => m - 9 * sd)), Math.max(...all.map(([m, sd]) => m + 9 * sd))];
};

// ---- the network ----------------------------------------------------------------------------------------------

const fresh = (seed) => {
  const layers = freshLayers([1, 24, 24, 1], rng(seed).normal, 1.6);
  return { layers, memory: adamMemory(layers) };
};

/** Logits of the network at positions. */
const logits = (layers, xs) => forward(layers, Float64Array.from(xs, (x) => x / REACH), TANH).at(-1);

/** One step of Adam down J_D = −V/2 on real and generated draws; returns J_D before it. */
export function step({ layers, memory }, real, fake) {
  const outputs = forward(layers, Float64Array.from([...real, ...fake], (x) => x / REACH), TANH);
  const n = [real.length, fake.length];
  let loss = 0;
  const gradient = outputs.at(-1).map((l, i) => {
    const isReal = i < n[0];
    loss += softplus(isReal ? -l : l) / (2 * n[isReal ? 0 : 1]);
    return (isReal ? -sigmoid(-l) : sigmoid(l)) / (2 * n[isReal ? 0 : 1]);
  });
  adamStep(layers, backward(layers, outputs, gradient, TANH).layers, memory, { rate: 0.02 / Math.sqrt(1 + memory.steps / 100) });
  return loss;
}

/** The draws of the step that comes next: they depend on the seed and on how many there were. */
const draws = ({ data, g_mean, g_std, seed }, steps) => {
  const { normal, uniform } = rng(7919 * (seed + 1) + steps);
  const real = Array.from({ length: BATCH }, () => {
    const [, mean, std] = data.length === 1 || uniform() < data[0][0] ? data[0] : data[1];
    return mean + std * normal();
  });
  return [real, Array.from({ length: BATCH }, () => g_mean + g_std * normal())];
};
const train = (net, at) => step(net, ...draws(at, net.memory.steps));

/** The network of a state: the one it brings, or a fresh one trained `steps` steps. */
export function network(at) {
  if (at._net) return unpack(at._net);
  const net = fresh(at.seed);
  while (net.memory.steps < at.steps) train(net, at);
  return net;
}

/** The network as text: what the trait `_net` holds. */
export function save(net) {
  return pack(net);
}

// ---- numbers --------------------------------------------------------------------------------------------------

/** V of the discriminator with these logits: ∫ p log D + g log(1 − D) by Simpson's rule. */
const value = (at, logitsAt) => {
  const { p, g } = logs(at);
  const [low, high] = reach(at);
  const n = 2000;
  const xs = grid(low, high, n);
  const ls = logitsAt(xs);
  return (simpson((i) => -Math.exp(p(xs[i])) * softplus(-ls[i]) - Math.exp(g(xs[i])) * softplus(ls[i]), 0, n, n) * (high - low)) / n;
};

const XS = grid(...VIEW, 300);
const curves = (at, layers) => {
  const { p, g } = logs(at);
  const ls = logits(layers, XS);
  return XS.map((x, i) => {
    const [best, d] = [sigmoid(p(x) - g(x)), sigmoid(ls[i])];
    const density = { p: Math.exp(p(x)), g: Math.exp(g(x)) };
    return { x, ...density, best, d, error: Math.abs(d - best), seen: (density.p + density.g) / 2 > THIN };
  });
};

/** Every number that is shown: V(D*, G) = 2 JS − log 4, V of the trained D, and how far D is from D* in [-6, 6]. */
export function compute(at, net = network(at)) {
  const { p, g } = logs(at);
  const best = value(at, (xs) => xs.map((x) => p(x) - g(x)));
  const rows = curves(at, net.layers);
  const worst = rows.filter((row) => row.seen).reduce((a, b) => (b.error > a.error ? b : a));
  const mass = rows.reduce((sum, row) => sum + row.p + row.g, 0);
  return {
    best, js: (best + Math.log(4)) / 2, value: value(at, (xs) => logits(net.layers, xs)), steps: net.memory.steps,
    worst: worst.error, worstAt: worst.x, average: rows.reduce((sum, row) => sum + row.error * (row.p + row.g), 0) / mass,
  };
}

const words = (at, { js, best, value: trained, average, worst, worstAt, steps }) => {
  const after = `After ${steps} ${steps === 1 ? "step" : "steps"} D is off by ${fmt(average, 3)} on average, at worst by ${fmt(worst, 2)} near x = ${fmt(worstAt, 1)}`;
  const loses = `it earns V = ${fmt(trained, 3)}, ${fmt(best - trained, 3)} below the best, ${fmt(best, 3)}`;
  if (js < 1e-6) return `p_G is p_data: D* is ½ everywhere and V(D*, G) is −log 4, its least. ${after}: all it has learned is noise in its draws.`;
  if (js > 0.99 * Math.LN2) return `The laws hardly overlap: D* is a step, JS is nearly at its ceiling, log 2, and moving p_G a little changes next to nothing. ${after}.`;
  return `${after}; ${loses}. No D earns more.`;
};

// ---- picture --------------------------------------------------------------------------------------------------

const bold = "font-weight: 650";
const halo = "paint-order: stroke; stroke: var(--paper); stroke-width: 4px; stroke-linejoin: round";
const small = "font-size: .9em; color: var(--ink-soft); margin: .5rem 0 0";

export function render({ model, el }) {
  let net = network(state(model, NAMES));
  let kept = { net: model.get("_net"), seed: model.get("seed"), steps: model.get("steps") }; // what the traits said when they last were ours
  let halt = null;

  /** Save the network with the state; called when it rests. */
  const keep = (values = {}) => {
    kept = { net: save(net), seed: values.seed ?? model.get("seed"), steps: net.memory.steps };
    change(model, { ...values, steps: kept.steps, _net: kept.net });
  };
  const stop = () => {
    halt?.();
    halt = null;
    trainButton.textContent = "Train D";
  };
  /** A law was moved: D stays as it is, and is now stale. */
  const move = (values) => (halt || kept.net ? change(model, values) : keep(values));
  const anew = (values) => {
    stop();
    net = network({ ...state(model, NAMES), ...values, _net: "" });
    keep(values);
  };
  const run = () => {
    const until = Math.min(LIMIT, net.memory.steps + 1000);
    let drawn = performance.now();
    trainButton.textContent = "Stop";
    halt = animate(el, () => {
      const now = performance.now();
      const at = state(model, NAMES);
      while (net.memory.steps < until && performance.now() - now < 12) train(net, at);
      const more = net.memory.steps < until;
      if (more && now - drawn > (reducedMotion() ? 1000 : 60)) {
        drawn = now;
        update();
      }
      if (!more) {
        stop();
        keep();
        update();
      }
      return more;
    });
  };
  const trainButton = h("button", { type: "button" }, "Train D");
  trainButton.addEventListener("click", () => {
    if (!halt) return run();
    stop();
    return keep();
  });

  const laws = plot({ x: VIEW, y: [0, 0.5], height: 180, title: "The densities p_data and p_G, with handles to move them", margin: { top: 24, left: 34 }, redraw: () => update() });
  const pArea = laws.area({ style: "fill: var(--p); opacity: .16" });
  const pLine = laws.line({ style: "stroke: var(--p)", "stroke-width": 2.4 });
  const gLine = laws.line({ style: "stroke: var(--q)", "stroke-width": 2.4, "stroke-dasharray": "8 4" });
  const pName = laws.text({ style: `fill: var(--p); ${bold}; ${halo}`, "text-anchor": "middle" });
  const gName = laws.text({ style: `fill: var(--q); ${bold}; ${halo}`, "text-anchor": "middle" });
  const sigma = laws.text({ style: `fill: var(--q); ${bold}; ${halo}`, "text-anchor": "middle" });
  const pHandles = [0, 1].map((k) =>
    laws.handle({
      label: `Mean of bump ${k + 1} of p_data`, range: MEAN, step: 0.1, style: "color: var(--p)",
      onMove: (v) => move({ data: model.get("data").map((row, i) => (i === k ? [row[0], v, row[2]] : row)) }),
    }));
  const stdHandle = laws.handle({
    label: "Standard deviation of p_G", range: VIEW, step: 0.1, style: "color: var(--q)",
    valueText: () => `standard deviation ${fmt(model.get("g_std"), 2)}`,
    onMove: (v) => move({ g_std: laws.clamp(Math.abs(v - model.get("g_mean")), STD) }),
  });
  const meanHandle = laws.handle({ label: "Mean of p_G", range: MEAN, step: 0.1, style: "color: var(--q)", onMove: (v) => move({ g_mean: v }) });

  const both = plot({ x: VIEW, y: [0, 1], height: 170, title: "The best discriminator D* and the trained D", yTicks: [0, 0.5, 1], margin: { left: 34 }, redraw: () => update() });
  set(both.svg, { role: "img" });
  const bestLine = both.line({ style: "stroke: var(--ink)", "stroke-width": 2.6 });
  const trainedLine = both.line({ style: "stroke: var(--third)", "stroke-width": 2.4, "stroke-dasharray": "3 3" });

  const off = plot({ x: VIEW, y: [0, 1], height: 96, title: "The distance |D − D*|", xLabel: "x", yTicks: [0, 0.5, 1], margin: { left: 34, top: 6 }, redraw: () => update() });
  set(off.svg, { role: "img" });
  const errorArea = off.area({ style: "fill: var(--third); opacity: .35" });
  const errorLine = off.line({ style: "stroke: var(--third)", "stroke-width": 1.8, "stroke-dasharray": "2 3" });

  const scale = plot({
    x: [-2, 0], y: [0, 1], height: 104, title: "V on a line", xLabel: "V, nats", xTicks: [-2, LEAST, -1, -0.5, 0],
    tickText: (v) => (v === LEAST ? "−log 4" : fmt(v, 1)), margin: { top: 24, left: 34, right: 22 }, redraw: () => update(),
  });
  set(scale.svg, { role: "img" });
  const floor = scale.rule({ style: "stroke: var(--ink-soft)", "stroke-width": 1.6, "stroke-dasharray": "2 3" });
  const bestRule = scale.rule({ style: "stroke: var(--ink)", "stroke-width": 3 });
  const trainedRule = scale.rule({ style: "stroke: var(--third)", "stroke-width": 3, "stroke-dasharray": "3 3" });
  const bestName = scale.text({ style: `${bold}; ${halo}` });
  const trainedName = scale.text({ style: `fill: var(--third); ${bold}; ${halo}` });

  const say = sentence();
  const equation = h("p", { style: "font-variant-numeric: tabular-nums; margin: .5rem 0 0" });

  const update = () => {
    const at = state(model, NAMES);
    if (!halt && (at._net !== kept.net || at.seed !== kept.seed || at.steps !== kept.steps)) {
      net = network(at._net === kept.net ? { ...at, _net: "" } : at); // Python, or another view, asks for another D
      kept = { net: at._net, seed: at.seed, steps: at.steps };
    }
    const numbers = compute(at, net);
    const rows = curves(at, net.layers);
    const { p, g } = logs(at);
    laws.y = [0, 1.25 * Math.max(0.3, ...rows.flatMap((row) => [row.p, row.g]))];
    pArea.to(rows.map((row) => [row.x, row.p]));
    pLine.to(rows.map((row) => [row.x, row.p]));
    gLine.to(rows.map((row) => [row.x, row.g]));
    const lift = laws.y[1] / 9;
    pHandles.forEach((handle, k) => {
      const row = at.data[k];
      set(handle.node, { display: row ? "inline" : "none" });
      if (row) handle.to(row[1], Math.exp(p(row[1])));
    });
    const [, home, width] = at.data[0];
    pName.to(laws.clamp(home - 1.3 * width - 0.3, [-5.4, 5.4]), Math.exp(p(home)) * 0.75, "p_data");
    const side = at.g_mean + at.g_std < VIEW[1] - 0.4 ? 1 : -1;
    meanHandle.to(at.g_mean, Math.exp(g(at.g_mean)));
    stdHandle.to(at.g_mean + side * at.g_std, Math.exp(g(at.g_mean + at.g_std)));
    gName.to(at.g_mean, Math.exp(g(at.g_mean)) + lift, "p_G");
    sigma.to(at.g_mean + side * (at.g_std + 0.35), Math.exp(g(at.g_mean + at.g_std)) + lift / 2, "σ");

    bestLine.to(rows.map((row) => [row.x, row.best]));
    trainedLine.to(rows.map((row) => [row.x, row.d]));
    errorArea.to(rows.map((row) => [row.x, row.seen ? row.error : 0]));
    errorLine.to(rows.map((row) => [row.x, row.error]));
    set(off.svg, { "aria-label": `Distance of D from D*: ${fmt(numbers.average, 3)} on average, at worst ${fmt(numbers.worst, 2)} near x = ${fmt(numbers.worstAt, 1)}` });

    floor.to(LEAST);
    bestRule.to(numbers.best);
    trainedRule.to(scale.clamp(numbers.value, scale.x));
    const late = numbers.best > -0.7;
    set(bestName.node, { "text-anchor": late ? "end" : "start" });
    bestName.to(numbers.best, 1.15, `V(D*, G) ${fmt(numbers.best, 3)}`);
    const inside = numbers.value > -1.2;
    set(trainedName.node, { "text-anchor": inside ? "end" : "start" });
    trainedName.to(inside ? numbers.value - 0.03 : Math.max(numbers.value, numbers.best) + 0.05, 0.4, `${numbers.value < scale.x[0] ? "◂ " : ""}V(D, G) ${fmt(numbers.value, 3)}`);
    set(scale.svg, { "aria-label": `V of the trained D ${fmt(numbers.value, 3)}, V of D* ${fmt(numbers.best, 3)}, −log 4 is ${fmt(LEAST, 3)}` });
    equation.textContent = `V(D*, G) = 2 JS − log 4 = 2 · ${fmt(numbers.js, 3)} − 1.386 = ${fmt(numbers.best, 3)}`;
    say.say(words(at, numbers));
  };

  const controls = buttons("Discriminator", {
    "One step": () => {
      if (net.memory.steps < LIMIT) train(net, state(model, NAMES));
      if (!halt) keep();
    },
    "Fresh D": () => anew({ seed: model.get("seed") + 1, steps: 0 }),
  });
  controls.querySelector("button").before(trainButton);
  el.replaceChildren(
    buttons("Show me", Object.fromEntries(Object.entries(PRESETS).map(([name, values]) => [name, () => anew({ ...values, seed: 1 })]))),
    laws.el,
    h("p", { style: small }, "Solid: the best discriminator, D* = p_data / (p_data + p_G). Dotted: the network D."),
    both.el,
    h("p", { style: small }, "How far apart, |D − D*|; filled where draws fall."),
    off.el,
    controls,
    say.el,
    equation,
    scale.el,
  );
  const unwatch = watch(model, NAMES, update);
  update();
  return () => {
    unwatch();
    halt?.();
    for (const view of [laws, both, off, scale]) view.stop();
  };
}

export default { render };
