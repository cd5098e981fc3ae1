import {
  ACTIVATIONS, adamMemory, adamStep, animate, backward, buttons, change, choice, fmt, forward, freshLayers, h, pack, plot, reducedMotion, rng, s,
  sentence, set, sigmoid, slider, softplus, state, unpack, watch,
} from "./core.js";

const VIEW = 3.6; // the map is [-VIEW, VIEW]²
const CELLS = 64;
const BATCH = 128;
const NOISE = 2; // dimensions of z
const SHOWN = 500; // samples that are drawn and counted
const PULLED = 40; // of them with an arrow
const ADAM = { beta1: 0.5, beta2: 0.99, eps: 1e-3 }; // with a smaller eps Adam blows up a gradient that has vanished
const RATIOS = [0.1, 0.2, 0.5, 1, 2, 5, 10];
const LIMIT = 20000;
const FAR = 15; // a sample this far out: diverged
const TANH = ACTIVATIONS.tanh;
const NAMES = ["data", "loss", "k", "rate", "start", "head", "seed", "steps", "_nets"];
const around = (radius) => Array.from({ length: 8 }, (_, i) => [radius * Math.cos((i * Math.PI) / 4), radius * Math.sin((i * Math.PI) / 4)]);
const LAWS = {
  eight: { name: "eight Gaussians", modes: around(2), std: 0.15, one: "mode" },
  ring: { name: "a ring", modes: around(2), std: 0.12, one: "eighth of the ring" },
  two: { name: "two blobs", modes: [[-1.5, 0], [1.5, 0]], std: 0.3, one: "mode" },
};
const FIRST = { data: "eight", loss: "non-saturating", k: 1, rate: 0.01, start: [0, 0, 1], head: 0, seed: 3, steps: 0 };
const PRESETS = {
  healthy: {},
  collapse: { k: 0.1, start: [0, 0, 0.2], seed: 1 },
  "too fast: diverges": { rate: 0.3 },
  "perfect D: G gets nothing": { data: "two", loss: "minimax", k: 5, start: [0, -3, 0.1], head: 300 },
};

// ---- the game -------------------------------------------------------------------------------------------------

const fill = (n, f) => Float64Array.from({ length: n }, f);

/** n draws of the data, x and y in turn. */
const drawReal = (data, n, { normal, uniform }) => {
  const { modes, std } = LAWS[data];
  const x = new Float64Array(2 * n);
  for (let i = 0; i < n; i += 1) {
    const angle = 2 * Math.PI * uniform();
    const [a, b] = data === "ring" ? [2 * Math.cos(angle), 2 * Math.sin(angle)] : modes[Math.floor((angle / (2 * Math.PI)) * modes.length)];
    x[2 * i] = a + std * normal();
    x[2 * i + 1] = b + std * normal();
  }
  return x;
};
const drawNoise = (n, { normal }) => fill(NOISE * n, () => normal());

/** Both players before the first step. */
const begin = ({ seed, start }) => {
  const { normal } = rng(seed);
  const generator = freshLayers([NOISE, 32, 32, 2], normal, 1.4);
  const discriminator = freshLayers([2, 32, 32, 1], normal, 1.4);
  const out = generator.at(-1);
  out.weight = out.weight.map((w) => w * start[2]);
  out.bias.set(start.slice(0, 2));
  return { generator, discriminator, memory: { generator: adamMemory(generator), discriminator: adamMemory(discriminator) }, rounds: 0, updates: 0, diverged: false, trail: [] };
};

/** J_D = −V/2 of D's logits on real and generated points (as in gentutor.gan), and its gradient in them. */
const judge = (logits, real) => {
  const n = [real, logits.length - real];
  let loss = 0;
  const gradient = logits.map((l, i) => {
    const share = 1 / (2 * n[i < real ? 0 : 1]);
    loss += share * softplus(i < real ? -l : l);
    return share * (i < real ? -sigmoid(-l) : sigmoid(l));
  });
  return { loss, gradient };
};

/** A generator's loss on D's logits of its samples, the mean, and its gradient in them. */
const fool = (logits, loss) => {
  const n = logits.length;
  const minimax = loss === "minimax";
  return {
    loss: logits.reduce((sum, l) => sum + (minimax ? -softplus(l) : softplus(-l)), 0) / n,
    gradient: logits.map((l) => -sigmoid(minimax ? l : -l) / n),
  };
};

/** One step of D down its own loss: the generated points are data to it. Returns J_D before the step. */
export function stepD(game, { rate }, real, noise) {
  const fake = forward(game.generator, noise, TANH).at(-1);
  const points = new Float64Array(real.length + fake.length);
  points.set(real);
  points.set(fake, real.length);
  const outputs = forward(game.discriminator, points, TANH);
  const { loss, gradient } = judge(outputs.at(-1), real.length / 2);
  adamStep(game.discriminator, backward(game.discriminator, outputs, gradient, TANH).layers, game.memory.discriminator, { rate, ...ADAM });
  game.updates += 1;
  return loss;
}

/** One step of G down its own loss, through D, which stays as it is. Returns J_G before the step; notes a sample that is far out or not finite. */
export function stepG(game, { rate, loss }, noise) {
  const samples = forward(game.generator, noise, TANH);
  const outputs = forward(game.discriminator, samples.at(-1), TANH);
  const judged = fool(outputs.at(-1), loss);
  const { input } = backward(game.discriminator, outputs, judged.gradient, TANH);
  adamStep(game.generator, backward(game.generator, samples, input, TANH).layers, game.memory.generator, { rate, ...ADAM });
  game.updates += 1;
  game.diverged ||= !samples.at(-1).every((v) => Math.abs(v) < FAR);
  return judged.loss;
}

const randomly = (game, { seed }) => rng(7919 * (seed + 1) + game.updates); // fresh draws for each update, and the same ones again from the same seed
const playD = (game, at) => {
  const random = randomly(game, at);
  return stepD(game, at, drawReal(at.data, BATCH, random), drawNoise(BATCH, random));
};
const playG = (game, at) => stepG(game, at, drawNoise(BATCH, randomly(game, at)));
const round = (game, at) => {
  let loss = 0;
  for (let i = 0; i < Math.max(1, at.k); i += 1) loss = playD(game, at);
  for (let i = 0; i < Math.max(1, 1 / at.k); i += 1) playG(game, at);
  game.rounds += 1;
  if (game.rounds % 5 === 0) game.trail.push([game.rounds, loss < 1 ? loss : 1]);
  if (game.trail.length > 300) game.trail = game.trail.slice(-200);
};

/** Play so many rounds more, unless the game diverges. */
export function play(game, at, rounds) {
  for (const until = game.rounds + rounds; game.rounds < until && !game.diverged; ) round(game, at);
  return game;
}

/** The game of a state: the one it brings, or one played from the seed. */
export function gameOf(at) {
  if (at._nets) return unpack(at._nets);
  const game = begin(at);
  for (let i = 0; i < at.head; i += 1) playD(game, at);
  return play(game, at, at.steps);
}

/** The game as text: what the trait `_nets` holds. */
export function save(game) {
  return pack(game);
}

// ---- what came out --------------------------------------------------------------------------------------------

/**
 * How many points lie on each mode, within 3 standard deviations, as shares of all (as gentutor.game.modes_covered).
 * crowded: the share of all points, near or far, that have one of two modes for their nearest.
 */
const coverage = (data, points) => {
  const { modes, std } = LAWS[data];
  const shares = modes.map(() => 0);
  const nearby = modes.map(() => 0);
  const n = points.length / 2;
  for (let i = 0; i < n; i += 1) {
    const [x, y] = [points[2 * i], points[2 * i + 1]];
    const distances = modes.map(([a, b]) => Math.hypot(x - a, y - b));
    const nearest = distances.indexOf(Math.min(...distances));
    const off = data === "ring" ? Math.abs(Math.hypot(x, y) - 2) : distances[nearest];
    nearby[nearest] += 1 / n;
    if (off <= 3 * std) shares[nearest] += 1 / n;
  }
  const crowded = nearby.sort((a, b) => b - a).slice(0, 2).reduce((a, b) => a + b);
  return { shares, crowded, covered: shares.filter((share) => share >= 0.02 - 1e-9).length, quality: shares.reduce((a, b) => a + b, 0) };
};

const EVALUATION = rng(2024);
const Z = drawNoise(SHOWN, EVALUATION); // the same noise at every look
const REAL = Object.fromEntries(Object.keys(LAWS).map((data) => [data, drawReal(data, SHOWN, EVALUATION)]));

/** Every number that is shown, on fixed noise: modes, losses, and the pull −∂J_G/∂x of each loss on the single samples. */
export function compute(at, game = gameOf(at)) {
  const samples = forward(game.generator, Z, TANH).at(-1);
  const outputs = forward(game.discriminator, samples, TANH);
  const fake = outputs.at(-1);
  const real = forward(game.discriminator, REAL[at.data], TANH).at(-1);
  const pulls = (loss) => backward(game.discriminator, outputs, fake.map((l) => -sigmoid(loss === "minimax" ? l : -l)), TANH).input.map((v) => -v);
  const length = (v) => fill(SHOWN, (_, i) => Math.hypot(v[2 * i], v[2 * i + 1])).reduce((a, b) => a + b, 0) / SHOWN;
  const pull = pulls(at.loss);
  return {
    samples, pull, rounds: game.rounds, updates: game.updates, diverged: game.diverged, ...coverage(at.data, samples),
    lossD: judge(Float64Array.from([...real, ...fake]), SHOWN).loss, lossG: fool(fake, at.loss).loss, pulled: length(pull),
    pulledOther: length(pulls(at.loss === "minimax" ? "non-saturating" : "minimax")),
  };
}

const small = (v) => (v >= 0.01 ? fmt(v, 2) : v >= 1e-4 ? fmt(v, 4) : "less than 0.0001");
const words = ({ data, loss }, { rounds, covered, shares, crowded, quality, lossD, pulled, pulledOther, diverged }) => {
  const { one } = LAWS[data];
  const when = rounds ? `Round ${rounds}: ` : "Before the first round: ";
  if (diverged) return `It diverged, in round ${rounds}: samples lie more than ${FAR} from the middle, and the data end at 2.5. Start anew with a smaller learning rate.`;
  const tells = `D's loss is ${fmt(lossD, 3)}`;
  if (lossD < 0.02 && pulled < 0.02)
    return `${when}${tells}: it tells every sample, and so passes nothing on. The ${loss} loss pulls a sample with ${small(pulled)}; the ${loss === "minimax" ? "non-saturating" : "minimax"} one would with ${small(pulledOther)}.`;
  const on = `${fmt(100 * quality, 0)} % of the samples lie on the data`;
  if (crowded > 0.85 && shares.length > 2)
    return `${when}collapse. ${fmt(100 * crowded, 0)} % of the samples crowd around two ${one}s or one; ${covered} of the 8 ${covered === 1 ? "is" : "are"} covered. ${tells}: nothing in it says so.`;
  const all = covered === shares.length;
  const near = Math.abs(lossD - Math.LN2) < 0.05 ? `near log 2 = 0.693${quality < 0.5 ? ", and says nothing of that" : ": it can hardly tell them apart"}` : "log 2 = 0.693 is that of one that cannot tell";
  return `${when}${on}, ${all ? `on ${covered === 2 ? "both" : `all ${covered}`}` : `on ${covered} of the ${shares.length}`} ${one}s. ${tells}, ${near}.`;
};

// ---- picture --------------------------------------------------------------------------------------------------

/** D at the middles of the cells, rows from the top. */
const heat = (layers) => {
  const side = (i) => ((2 * (i + 0.5)) / CELLS - 1) * VIEW;
  const points = new Float64Array(2 * CELLS * CELLS);
  for (let n = 0; n < CELLS * CELLS; n += 1) {
    points[2 * n] = side(n % CELLS);
    points[2 * n + 1] = -side(Math.floor(n / CELLS));
  }
  return forward(layers, points, TANH).at(-1).map(sigmoid);
};

/** Pieces of the line where the values cross a level, in units of cells: [x, y, x, y]. */
const crossings = (values, level) => {
  const pieces = [];
  for (let r = 0; r < CELLS - 1; r += 1) {
    for (let c = 0; c < CELLS - 1; c += 1) {
      const corners = [[c, r], [c + 1, r], [c + 1, r + 1], [c, r + 1]];
      const v = corners.map(([x, y]) => values[y * CELLS + x] - level);
      const cuts = [];
      for (let e = 0; e < 4; e += 1) {
        const [a, b] = [e, (e + 1) % 4];
        if (v[a] < 0 === v[b] < 0) continue;
        const t = v[a] / (v[a] - v[b]);
        cuts.push(corners[a][0] + t * (corners[b][0] - corners[a][0]), corners[a][1] + t * (corners[b][1] - corners[a][1]));
      }
      for (let i = 0; i + 3 < cuts.length; i += 4) pieces.push(cuts.slice(i, i + 4));
    }
  }
  return pieces;
};

/** The map: a canvas that draws the game in the colours of the theme. */
const map = (redraw) => {
  const canvas = h("canvas", { role: "img", style: "display: block; width: 100%; aspect-ratio: 1; border: 1px solid var(--edge); border-radius: 8px" });
  const cells = document.createElement("canvas");
  const probe = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  Object.assign(cells, { width: CELLS, height: CELLS });
  const known = new Map();
  const rgb = (name) => {
    const text = getComputedStyle(canvas).getPropertyValue(name).trim() || "#888";
    if (!known.has(text)) {
      probe.fillStyle = text;
      probe.fillRect(0, 0, 1, 1);
      known.set(text, [...probe.getImageData(0, 0, 1, 1).data.slice(0, 3)]);
    }
    return known.get(text);
  };
  const css = ([r, g, b], alpha = 1) => `rgba(${r}, ${g}, ${b}, ${alpha})`;
  const observer = new ResizeObserver(redraw);
  observer.observe(canvas);

  const draw = (at, numbers, layers) => {
    const size = Math.max(120, Math.round(canvas.clientWidth * Math.min(2, window.devicePixelRatio || 1)));
    if (canvas.width !== size) Object.assign(canvas, { width: size, height: size });
    const [paper, ink, p, q] = ["--paper", "--ink", "--p", "--q"].map(rgb);
    const context = canvas.getContext("2d");
    const unit = size / (canvas.clientWidth || size);
    const X = (v) => ((v / VIEW + 1) / 2) * size;
    const Y = (v) => ((1 - v / VIEW) / 2) * size;

    const values = heat(layers);
    const picture = cells.getContext("2d").createImageData(CELLS, CELLS);
    values.forEach((d, n) => {
      const [to, share] = [d > 0.5 ? p : q, 0.5 * Math.abs(2 * d - 1) || 0];
      for (let c = 0; c < 3; c += 1) picture.data[4 * n + c] = paper[c] + share * (to[c] - paper[c]);
      picture.data[4 * n + 3] = 255;
    });
    cells.getContext("2d").putImageData(picture, 0, 0);
    context.imageSmoothingEnabled = true;
    context.drawImage(cells, 0, 0, size, size);
    context.lineWidth = 1.3 * unit;
    context.strokeStyle = css(ink, 0.75);
    context.beginPath();
    for (const [a, b, c, d] of crossings(values, 0.5)) {
      const [x, y, u, v] = [a, b, c, d].map((w) => ((w + 0.5) / CELLS) * size);
      context.moveTo(x, y);
      context.lineTo(u, v);
    }
    context.stroke();

    context.fillStyle = css(p);
    for (let i = 0; i < 300; i += 1) {
      context.beginPath();
      context.arc(X(REAL[at.data][2 * i]), Y(REAL[at.data][2 * i + 1]), 1.7 * unit, 0, 2 * Math.PI);
      context.fill();
    }
    const { samples, pull } = numbers;
    for (const [color, wide] of [[css(paper, 0.8), 3.4], [css(q), 1.6]]) {
      context.strokeStyle = color;
      context.lineWidth = wide * unit;
      context.beginPath();
      for (let i = 0; i < SHOWN; i += 1) {
        const [x, y, a] = [X(samples[2 * i]), Y(samples[2 * i + 1]), 2.6 * unit];
        context.moveTo(x - a, y - a);
        context.lineTo(x + a, y + a);
        context.moveTo(x - a, y + a);
        context.lineTo(x + a, y - a);
      }
      context.stroke();
    }
    context.strokeStyle = css(ink);
    context.lineWidth = 1.3 * unit;
    context.beginPath();
    for (let i = 0; i < PULLED; i += 1) {
      const strength = Math.hypot(pull[2 * i], pull[2 * i + 1]);
      const long = Math.min(0.6, 0.5 * strength);
      if (!(long > 0.03)) continue;
      const [ux, uy] = [pull[2 * i] / strength, -pull[2 * i + 1] / strength];
      const [x, y] = [X(samples[2 * i]), Y(samples[2 * i + 1])];
      const reach = (long / (2 * VIEW)) * size;
      const [tx, ty, a] = [x + ux * reach, y + uy * reach, 4 * unit];
      context.moveTo(x, y);
      context.lineTo(tx, ty);
      for (const side of [-1, 1]) {
        context.moveTo(tx, ty);
        context.lineTo(tx - a * (ux + 0.6 * side * uy), ty - a * (uy - 0.6 * side * ux));
      }
    }
    context.stroke();
    set(canvas, { "aria-label": `Map of the plane. ${words(at, numbers)}` });
  };
  return { canvas, draw, stop: () => observer.disconnect() };
};

const ratioText = (k) => (k >= 1 ? fmt(k, 0) : `1/${fmt(1 / k, 0)}`);
const rateText = (rate) => (rate >= 0.1 ? fmt(rate, 2) : rate >= 0.01 ? fmt(rate, 3) : fmt(rate, 4));

export function render({ model, el }) {
  const now = () => state(model, NAMES);
  const origin = ({ data, start, head, seed, steps }) => JSON.stringify([data, start, head, seed, steps]);
  let game = gameOf(now());
  let kept = { nets: model.get("_nets"), origin: origin(now()) }; // what the traits said when they last were ours
  let halt = null;

  const keep = (values = {}) => {
    const all = { ...now(), ...values, steps: game.rounds, _nets: save(game) };
    kept = { nets: all._nets, origin: origin(all) };
    change(model, all);
  };
  const stop = () => {
    halt?.();
    halt = null;
    runButton.textContent = "Run";
  };
  const anew = (values = {}) => {
    stop();
    game = gameOf({ ...now(), steps: 0, ...values, _nets: "" });
    keep(values);
  };
  const single = (move) => () => {
    stop();
    if (!game.diverged) move(game, now());
    keep();
  };
  const run = () => {
    if (game.diverged || game.rounds >= LIMIT) return;
    let drawn = 0;
    runButton.textContent = "Stop";
    halt = animate(el, () => {
      const began = performance.now();
      const at = now();
      do play(game, at, 1);
      while (performance.now() - began < 11 && game.rounds < LIMIT && !game.diverged);
      if (began - drawn > (reducedMotion() ? 1500 : 80)) {
        drawn = began;
        update();
      }
      if (game.rounds < LIMIT && !game.diverged) return true;
      stop();
      keep();
      return false;
    });
  };
  const runButton = h("button", { type: "button" }, "Run");
  runButton.addEventListener("click", () => {
    if (!halt) return run();
    stop();
    return keep();
  });

  const field = map(() => update());
  const bars = plot({ x: [0, 8], y: [0, 0.3], height: 128, title: "Share of the samples on each mode", xTicks: [], yTicks: 3, tickText: (v) => fmt(100 * v, 0),
    margin: { left: 36, bottom: 22 }, redraw: () => update() });
  set(bars.svg, { role: "img" });
  const columns = s("g", {});
  bars.marks.append(columns);
  const course = plot({ x: [0, 100], y: [0, 1], height: 140, title: "The discriminator's loss", xLabel: "round", xTicks: 4, yTicks: [0, 0.5, 1], margin: { left: 36 }, redraw: () => update() });
  set(course.svg, { role: "img" });
  const level = course.line({ style: "stroke: var(--ink-soft)", "stroke-width": 1.4, "stroke-dasharray": "2 3" });
  const lossLine = course.line({ style: "stroke: var(--third)", "stroke-width": 2 });
  const levelName = course.text({ style: "fill: var(--ink-soft); paint-order: stroke; stroke: var(--paper); stroke-width: 4px", "text-anchor": "end" });

  const data = choice({
    label: "Data", wide: true, options: Object.fromEntries(Object.entries(LAWS).map(([key, { name }]) => [key, name])), value: model.get("data"), onChange: (v) => anew({ data: v }),
  });
  const loss = choice({
    label: "Generator's loss", wide: true, options: { "non-saturating": "non-saturating, −log D", minimax: "minimax, log(1 − D)" }, value: model.get("loss"),
    onChange: (v) => change(model, { loss: v }),
  });
  const ratio = slider({
    label: "D steps per G step, k", min: 0, max: RATIOS.length - 1, step: 1, value: 3, format: (i) => ratioText(RATIOS[i]), onInput: (i) => change(model, { k: RATIOS[i] }),
  });
  const rate = slider({
    label: "Learning rate", min: -4, max: -0.4, step: 0.1, value: -2, format: (v) => rateText(10 ** v), onInput: (v) => change(model, { rate: Number((10 ** v).toPrecision(6)) }),
  });
  const say = sentence();

  const update = () => {
    const at = now();
    if (!halt && (at._nets !== kept.nets || origin(at) !== kept.origin)) {
      game = gameOf(at._nets === kept.nets ? { ...at, _nets: "" } : at); // Python, or another view, asks for another game
      kept = { nets: at._nets, origin: origin(at) };
    }
    const numbers = compute(at, game);
    field.draw(at, numbers, game.discriminator);

    const { shares } = numbers;
    bars.x = [0, shares.length];
    bars.y = [0, Math.max(0.3, 1.1 * Math.max(...shares))];
    const floor = bars.Y(0);
    columns.replaceChildren(
      ...shares.flatMap((share, i) => {
        const [left, right] = [bars.X(i + 0.14), bars.X(i + 0.86)];
        return [
          s("rect", { x: left, width: right - left, y: bars.Y(share), height: Math.max(0, floor - bars.Y(share)), style: `fill: var(--q); opacity: ${share >= 0.02 ? 0.8 : 0.35}` }),
          s("text", { x: (left + right) / 2, y: floor + 16, "text-anchor": "middle" }, share >= 0.02 ? fmt(100 * share, 0) : "–"),
        ];
      }),
      s("line", { x1: bars.X(0), x2: bars.X(shares.length), y1: bars.Y(1 / shares.length), y2: bars.Y(1 / shares.length), style: "stroke: var(--p)", "stroke-width": 2, "stroke-dasharray": "6 3" }),
    );
    bars.axes();
    set(bars.svg, { "aria-label": `Per cent of the samples on each of ${shares.length}: ${shares.map((v) => fmt(100 * v, 0)).join(", ")}` });
    const first = game.trail[0]?.[0] ?? 0;
    course.x = [first, Math.max(first + 100, game.rounds)];
    course.axes();
    lossLine.to(game.trail.length ? game.trail : [[0, numbers.lossD]]);
    level.to(course.x.map((x) => [x, Math.LN2]));
    levelName.to(course.x[1], Math.LN2 + 0.1, "log 2");
    set(course.svg, { "aria-label": `The discriminator's loss: ${fmt(numbers.lossD, 3)} in round ${game.rounds}` });
    data.set(at.data);
    loss.set(at.loss);
    ratio.set(RATIOS.indexOf(at.k));
    rate.set(Math.log10(at.rate));
    say.say(words(at, numbers));
  };

  const moves = buttons("Play", { "Step D": single(playD), "Step G": single(playG), "Start anew": () => anew({ seed: model.get("seed") + 1 }) });
  moves.querySelector("button").before(runButton);
  const note = "font-size: .88em; color: var(--ink-soft); margin: .3rem 0 0";
  el.replaceChildren(
    buttons("Show me", Object.fromEntries(Object.entries(PRESETS).map(([name, values]) => [name, () => {
      anew({ ...FIRST, ...values });
      run();
    }]))),
    h("div", { style: "display: flex; flex-wrap: wrap; gap: .4rem 1.1rem" },
      h("div", { style: "flex: 1 1 280px; max-width: 400px; min-width: 0" }, field.canvas,
        h("p", { style: note }, "• data   × samples   → pull on a sample. Line: D = ½; toward the data's colour D says data, toward the samples' it says sample.")),
      h("div", { style: "flex: 1 1 220px; min-width: 0" },
        h("p", { style: note }, "Per cent of the samples on each mode; dashed: of the data"), bars.el,
        h("p", { style: note }, "D's loss J_D = −V/2, nats"), course.el)),
    moves,
    say.el,
    h("div", { class: "gt-controls" }, data.el, loss.el, ratio.el, rate.el),
  );
  const unwatch = watch(model, NAMES, update);
  update();
  return () => {
    unwatch();
    halt?.();
    for (const view of [field, bars, course]) view.stop();
  };
}

export default { render };
