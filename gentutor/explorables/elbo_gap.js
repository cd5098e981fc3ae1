import { buttons, change, fmt, grid, h, normalLogPdf, plot, s, sentence, set, slider, uid, watch } from "./core.js";

const NOISE = 0.25; // variance of x given z
const VIEW = [-3.2, 3.2];
const MEAN = [-2.5, 2.5];
const STD = [0.1, 1.6];
const NATS = [-9, 0];
const GUESS = { mean: 0.3, std: Math.sqrt(0.2), weight: 2, x: 1.2, before: [] };
const NAMES = ["mean", "std", "weight", "x", "before"];

// ---- numbers --------------------------------------------------------------------------------------------------

/** Mean and standard deviation of the posterior p(z | x). */
const posterior = ({ weight, x }) => {
  const precision = 1 + weight ** 2 / NOISE;
  return { mean: (weight * x) / NOISE / precision, std: Math.sqrt(1 / precision) };
};

/** All the numbers that are shown, in nats (as in gentutor.elbo). */
export function compute({ mean, std, weight, x }) {
  const at = posterior({ weight, x });
  const place = (mean - at.mean) ** 2 / (2 * at.std ** 2);
  const width = 0.5 * ((std / at.std) ** 2 - 1) - Math.log(std / at.std);
  const reconstruction = -0.5 * (Math.log(2 * Math.PI * NOISE) + ((x - weight * mean) ** 2 + (weight * std) ** 2) / NOISE);
  const klPrior = 0.5 * (mean ** 2 + std ** 2 - 1) - Math.log(std);
  return {
    logEvidence: normalLogPdf(x, 0, Math.sqrt(weight ** 2 + NOISE)),
    reconstruction, klPrior, elbo: reconstruction - klPrior, gap: place + width, place, width, posteriorMean: at.mean, posteriorStd: at.std,
  };
}

/** What the numbers say, in words. `moved`: "q", "model" or "". */
const words = (at, now, earlier, moved) => {
  const evidence = fmt(now.logEvidence, 3);
  if (earlier) {
    const risen = now.elbo > earlier.elbo;
    const change = `From the dotted marks to here the ELBO ${risen ? "rose" : "fell"}, ${fmt(earlier.elbo, 2)} to ${fmt(now.elbo, 2)}, and the gap ${now.gap > earlier.gap ? "grew" : "shrank"}, ${fmt(earlier.gap, 2)} to ${fmt(now.gap, 2)}`;
    return risen && now.gap > earlier.gap ? `${change}: log p(x) rose by more than the bound did.` : `${change}.`;
  }
  if (now.gap < 5e-4) {
    if (at.weight === 0) return `With w = 0 the data say nothing about z: prior, posterior and q are one, and the gap is zero. A tight bound is not a good model: log p(x) is ${evidence}.`;
    return `q is the posterior: the gap is zero and the ELBO is log p(x) itself, ${evidence} nats. No other q gets there.`;
  }
  const blame = now.place > 2 * now.width ? "q stands in the wrong place" : now.width > 2 * now.place ? `q is too ${at.std > now.posteriorStd ? "wide" : "narrow"}` : `q is out of place and too ${at.std > now.posteriorStd ? "wide" : "narrow"}`;
  const start = moved === "model" ? `You changed the model or the datum, so log p(x) itself moved, to ${evidence}.` : now.klPrior < 5e-4 ? "q is the prior: no KL to pay, and a poor reconstruction." : `Wherever q goes, log p(x) stays at ${evidence}.`;
  return `${start} The ELBO misses it by ${fmt(now.gap, 3)} nats, because ${blame}.`;
};

// ---- picture --------------------------------------------------------------------------------------------------

const ZS = grid(...VIEW, 480);
const bold = "font-weight: 650";
const halo = "paint-order: stroke; stroke: var(--paper); stroke-width: 4px; stroke-linejoin: round";
const curve = (mean, std) => ZS.map((z) => [z, Math.exp(normalLogPdf(z, mean, std))]);

export function render({ model, el }) {
  const now = () => Object.fromEntries(NAMES.map((name) => [name, model.get(name)]));
  let moved = "";
  const move = (what, values) => {
    moved = what;
    change(model, values);
  };

  // -- the densities of z
  const top = plot({ x: VIEW, y: [0, 1], height: 210, title: "Prior, posterior and q over the latent z", xLabel: "z", margin: { top: 26 }, redraw: () => update() });
  const priorLine = top.line({ style: "stroke: var(--ink-soft)", "stroke-width": 1.8, "stroke-dasharray": "2 4" });
  const postArea = top.area({ style: "fill: var(--p); opacity: 0.14" });
  const postLine = top.line({ style: "stroke: var(--p)", "stroke-width": 2.4 });
  const qLine = top.line({ style: "stroke: var(--q)", "stroke-width": 2.4, "stroke-dasharray": "7 3" });
  const priorName = top.text({ style: `fill: var(--ink-soft); ${halo}`, "text-anchor": "middle" });
  const postName = top.text({ style: `fill: var(--p); ${bold}; ${halo}` });
  const qName = top.text({ style: `fill: var(--q); ${bold}; ${halo}`, "text-anchor": "middle" });
  const sigma = top.text({ style: `fill: var(--q); ${bold}; ${halo}`, "text-anchor": "middle" });
  const stdHandle = top.handle({
    label: "Standard deviation of q", range: VIEW, step: 0.05, style: "color: var(--q)",
    valueText: () => `standard deviation ${fmt(model.get("std"), 2)}`,
    onMove: (v) => move("q", { std: top.clamp(Math.abs(v - model.get("mean")), STD) }),
  });
  const meanHandle = top.handle({ label: "Mean of q", range: MEAN, step: 0.05, style: "color: var(--q)", onMove: (v) => move("q", { mean: v }) });

  // -- the bars: from 0 to the reconstruction term, on to the ELBO, and back to log p(x)
  const bars = plot({ x: NATS, y: [0, 3], height: 214, title: "log p(x) and its parts", xLabel: "nats", xTicks: 6, margin: { top: 26, left: 18, right: 18 }, redraw: () => update() });
  set(bars.svg, { role: "img" });
  const hatch = uid("hatch");
  bars.marks.append(
    s("defs", {}, s("pattern", { id: hatch, width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" },
      s("rect", { width: 6, height: 6, fill: "var(--paper)" }), s("line", { x1: 1, x2: 1, y1: 0, y2: 6, style: "stroke: var(--ink-soft)", "stroke-width": 2.5 }))),
  );
  const oldRule = bars.rule({ style: "stroke: var(--p)", "stroke-width": 1.8, "stroke-dasharray": "2 4" });
  const oldBound = bars.rule({ style: "stroke: var(--q)", "stroke-width": 1.8, "stroke-dasharray": "2 4" });
  const rule = bars.rule({ style: "stroke: var(--p)", "stroke-width": 3 });
  const boundRule = bars.rule({ style: "stroke: var(--q)", "stroke-width": 1.5 });
  const fills = ["fill: var(--third); opacity: 0.75", `fill: url(#${hatch}); stroke: var(--ink-soft)`, "fill: var(--q); opacity: 0.75"];
  const rects = fills.map((style) => {
    const node = s("rect", { style, height: 15, rx: 2 });
    bars.marks.append(node);
    return node;
  });
  const labels = fills.map(() => bars.text({ style: halo }));
  const ruleName = bars.text({ style: `fill: var(--p); ${bold}; ${halo}` });

  const weight = slider({ label: "Decoder weight w (the model θ)", min: 0, max: 3, step: 0.02, value: 2, onInput: (v) => move("model", { weight: v }) });
  const datum = slider({ label: "Datum x", min: -2, max: 2, step: 0.1, value: 1.2, onInput: (v) => move("model", { x: v }) });
  const say = sentence();

  const place = (node, row, a, b) => {
    const [from, to] = [a, b].map((v) => bars.X(bars.clamp(v, NATS)));
    set(node, { x: Math.min(from, to), width: Math.max(1, Math.abs(from - to)), y: bars.Y(3 - row) + 24 });
  };
  const off = (v) => (v < NATS[0] ? "◂ " : "");

  const update = () => {
    const at = now();
    const numbers = compute(at);
    const { logEvidence, reconstruction, klPrior, elbo, gap, posteriorMean, posteriorStd } = numbers;
    const peak = (std) => 1 / (std * Math.sqrt(2 * Math.PI));
    top.y = [0, 1.1 * Math.max(peak(1), peak(posteriorStd), peak(at.std))];
    const post = curve(posteriorMean, posteriorStd);
    priorLine.to(curve(0, 1));
    postArea.to(post);
    postLine.to(post);
    qLine.to(curve(at.mean, at.std));
    const density = (z) => Math.exp(normalLogPdf(z, at.mean, at.std));
    const lift = (top.y[1] * 18) / top.height;
    const side = at.mean + at.std < VIEW[1] - 0.3 ? 1 : -1;
    meanHandle.to(at.mean, density(at.mean));
    stdHandle.to(at.mean + side * at.std, density(at.mean + at.std));
    qName.to(at.mean, density(at.mean) + lift, "q");
    sigma.to(at.mean + side * (at.std + 0.22), density(at.mean + at.std) + lift / 3, "σ");
    priorName.to(posteriorMean > 0 ? -2 : 2, Math.exp(normalLogPdf(2, 0, 1)) + lift, "prior");
    const away = posteriorMean > at.mean + 0.1 ? 1 : -1;
    const shoulder = posteriorMean + away * (1.3 * posteriorStd + 0.12);
    set(postName.node, { "text-anchor": away > 0 ? "start" : "end" });
    postName.to(shoulder, 0.62 * peak(posteriorStd), "posterior");

    place(rects[0], 0, 0, reconstruction);
    place(rects[1], 1, reconstruction, elbo);
    place(rects[2], 2, elbo, logEvidence);
    const row = (i) => 3 - i - 18 / ((bars.height - bars.margin.top - bars.margin.bottom) / 3);
    labels[0].to(NATS[0], row(0), `${off(reconstruction)}reconstruction E[log p(x|z)] = ${fmt(reconstruction, 3)}`);
    labels[1].to(NATS[0], row(1), `${off(elbo)}− KL(q‖prior) = ${fmt(-klPrior, 3)}, gives ELBO ${fmt(elbo, 3)}`);
    labels[2].to(NATS[0], row(2), `+ gap KL(q‖posterior) = ${fmt(gap, 3)}`);
    const inside = (v) => bars.clamp(v, NATS);
    rule.to(inside(logEvidence));
    boundRule.to(inside(elbo), 0.05, 1.55);
    const earlier = at.before.length ? compute(Object.fromEntries(NAMES.map((name, i) => [name, at.before[i]]))) : null;
    for (const mark of [oldRule, oldBound]) set(mark.node, { display: earlier ? "inline" : "none" });
    if (earlier) {
      oldRule.to(inside(earlier.logEvidence));
      oldBound.to(inside(earlier.elbo), 0, 2);
    }
    set(ruleName.node, { "text-anchor": logEvidence < -4.5 ? "start" : "end" });
    ruleName.to(inside(logEvidence), 3 + 10 / 50, `log p(x) = ${fmt(logEvidence, 3)}`);
    set(bars.svg, { "aria-label": `log p(x) = ${fmt(logEvidence, 3)}: reconstruction ${fmt(reconstruction, 3)}, less KL to the prior ${fmt(klPrior, 3)}, plus gap ${fmt(gap, 3)}` });
    weight.set(at.weight);
    datum.set(at.x);
    say.say(words(at, numbers, earlier, moved));
  };

  const preset = (values) => () => move("q", { ...GUESS, ...values });
  const exact = posterior(GUESS);
  el.replaceChildren(
    buttons("Show me", {
      "a guess": preset({}),
      "q = posterior": preset(exact),
      "q = prior": preset({ mean: 0, std: 1 }),
      "q a spike": preset({ mean: 0.6, std: 0.1 }),
      collapsed: preset({ mean: 0, std: 1, weight: 0 }),
      "raise θ, gap grows": preset({ weight: 1.24, before: [GUESS.mean, GUESS.std, 0, GUESS.x] }),
    }),
    top.el,
    bars.el,
    say.el,
    h("div", { class: "gt-controls" }, weight.el, datum.el),
  );
  const unwatch = watch(model, NAMES, update);
  update();
  return () => {
    unwatch();
    top.stop();
    bars.stop();
  };
}

export default { render };
