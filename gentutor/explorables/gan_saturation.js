import { buttons, change, fmt, grid, h, plot, sentence, set, sigmoid, softplus, watch } from "./core.js";

const VIEW = [-8, 8];
const LS = grid(...VIEW, 320);

/** Both losses of the generator at the logit of one sample, and their derivatives in it (as in gentutor.gan). */
export function compute({ logit }) {
  return {
    d: sigmoid(logit),
    minimax: { loss: -softplus(logit), gradient: -sigmoid(logit) },
    nonSaturating: { loss: softplus(-logit), gradient: -sigmoid(-logit) },
    ratio: Math.exp(-logit), // of the non-saturating gradient to the minimax one
  };
}

const SHAPES = LS.map((logit) => compute({ logit }));

const words = ({ d, minimax, nonSaturating, ratio }) => {
  const seen = `D gives this sample ${fmt(d, 4)}.`;
  const [m, n] = [fmt(-minimax.gradient, 4), fmt(-nonSaturating.gradient, 4)];
  if (Math.abs(Math.log(ratio)) < 0.05) return `${seen} D cannot tell, and both losses push the logit up equally hard, by ${fmt(-minimax.gradient, 2)}.`;
  if (ratio > 3) return `${seen} D rejects it, as it does at the start of training: the minimax loss pushes with ${m}, the non-saturating one with ${n}, ${fmt(ratio, ratio < 10 ? 1 : 0)} times as hard.`;
  if (ratio < 1 / 3) return `${seen} D is fooled: the non-saturating loss lets go of the sample (${n}), the minimax loss still pushes with ${m}, where there is little left to gain.`;
  return `${seen} Here both losses push the logit up: minimax with ${m}, non-saturating with ${n}.`;
};

const bold = "font-weight: 650";
const halo = "paint-order: stroke; stroke: var(--paper); stroke-width: 4px; stroke-linejoin: round";
const LOSSES = {
  minimax: { name: "minimax, log(1 − D)", style: "stroke: var(--q)", dash: "8 4", fill: "fill: var(--q)" },
  nonSaturating: { name: "non-saturating, −log D", style: "stroke: var(--p)", dash: null, fill: "fill: var(--p)" },
};
const each = (f) => Object.fromEntries(Object.entries(LOSSES).map(([key, loss]) => [key, f(loss, key)]));
const curves = (view) => each(({ style, dash }) => view.line({ style, "stroke-width": 2.4, "stroke-dasharray": dash }));
const dots = (view) => each(({ fill }) => ({ dot: view.text({ style: `${fill}; font-size: 20px; ${halo}`, "text-anchor": "middle" }), value: view.text({ style: `${fill}; ${bold}; ${halo}` }) }));

export function render({ model, el }) {
  const move = (logit) => change(model, { logit });

  const top = plot({ x: VIEW, y: [-8.5, 8.5], height: 230, title: "The two losses over the logit", xTicks: [-6, -3, 0, 3, 6], yTicks: [-8, -4, 0, 4, 8], redraw: () => update() });
  const lossRule = top.rule({ style: "stroke: var(--ink-soft)", "stroke-width": 1.2 });
  const lossLines = curves(top);
  const names = each(({ fill }) => top.text({ style: `${fill}; ${bold}; ${halo}`, "text-anchor": "middle" }));
  const lossDots = dots(top);

  const low = plot({
    x: VIEW, y: [0, 1.1], height: 210, title: "How hard each loss pushes the logit up", xLabel: "logit l of D for a generated sample", xTicks: [-6, -3, 0, 3, 6], yTicks: [0, 0.5, 1],
    margin: { top: 14 }, redraw: () => update(),
  });
  const pushRule = low.rule({ style: "stroke: var(--ink-soft)", "stroke-width": 1.2 });
  const pushLines = curves(low);
  const pushDots = dots(low);
  const handle = low.handle({
    label: "Logit of the sample", range: VIEW, step: 0.25, style: "color: var(--third)",
    valueText: (v) => `logit ${fmt(v, 2)}, D ${fmt(sigmoid(v), 4)}`, onMove: move,
  });

  const say = sentence();

  const update = () => {
    const logit = model.get("logit");
    const numbers = compute({ logit });
    const right = logit < 4.5;
    const beside = logit + (right ? 0.25 : -0.25);
    const close = Math.abs(logit) < 1; // the two pushes are near each other: one number above, one below
    for (const key of Object.keys(LOSSES)) {
      const { loss, gradient } = numbers[key];
      lossLines[key].to(SHAPES.map((at, i) => [LS[i], at[key].loss]));
      pushLines[key].to(SHAPES.map((at, i) => [LS[i], -at[key].gradient]));
      lossDots[key].dot.to(logit, loss - 0.45, "•");
      pushDots[key].dot.to(logit, -gradient - 0.035, "•");
      for (const { value } of [lossDots[key], pushDots[key]]) set(value.node, { "text-anchor": right ? "start" : "end" });
      lossDots[key].value.to(beside, loss + (key === "minimax" ? -1.5 : 0.6), fmt(loss, 4));
      const above = !close || (key === "minimax") === logit >= 0;
      pushDots[key].value.to(beside, -gradient + (above ? 0.05 : -0.13), fmt(-gradient, 4));
    }
    names.nonSaturating.to(2.6, 5, LOSSES.nonSaturating.name);
    names.minimax.to(-2.6, -5, LOSSES.minimax.name);
    lossRule.to(logit);
    pushRule.to(logit);
    handle.to(logit, 0);
    say.say(words(numbers));
  };

  const small = "font-size: .9em; color: var(--ink-soft)";
  el.replaceChildren(
    buttons("Show me", { "D rejects it, l = −6": () => move(-6), "D cannot tell, l = 0": () => move(0), "D is fooled, l = 6": () => move(6) }),
    h("p", { style: small }, "The generator descends its loss, in nats, on a sample with D(G(z)) = sigmoid(l):"),
    top.el,
    h("p", { style: small }, "How hard it pushes the logit up, − d loss / d l:"),
    low.el,
    say.el,
  );
  const unwatch = watch(model, ["logit"], update);
  update();
  return () => {
    unwatch();
    top.stop();
    low.stop();
  };
}

export default { render };
