import {
  animate, buttons, change, choice, fmt, grid, h, mixtureLogPdf, normalLogPdf, plot, reducedMotion, s, sentence, set, simpson, slider, uid, watch,
} from "./core.js";

const VIEW = [-6, 6];
const MEAN = [-5, 5];
const STD = [0.3, 3];
const Q_STD = [0.2, 3];
const PRESETS = {
  "two bumps": { components: [[0.6, -2, 0.7], [0.4, 2.5, 0.5]], q_mean: -0.2, q_std: 2.2922 },
  "q on one bump": { components: [[0.6, -2, 0.7], [0.4, 2.5, 0.5]], q_mean: -2, q_std: 0.7 },
  "one bump, wide q": { components: [[1, 0.5, 0.7]], q_mean: 0.5, q_std: 1.8 },
  "three bumps": { components: [[0.3, -3, 0.5], [0.4, 0, 0.5], [0.3, 3, 0.5]], q_mean: 1.2, q_std: 0.6 },
  "p = q": { components: [[1, 0.5, 1.2]], q_mean: 0.5, q_std: 1.2 },
};

// ---- numbers --------------------------------------------------------------------------------------------------

const columns = (components) => [0, 1, 2].map((i) => components.map((row) => row[i]));

/** p, q and the three integrands at the positions xs. */
const rows = ({ components, q_mean, q_std }, xs) => {
  const [weights, means, stds] = columns(components);
  const out = { p: [], q: [], forward: [], reverse: [], js: [] };
  for (const x of xs) {
    const logP = mixtureLogPdf(x, weights, means, stds);
    const logQ = normalLogPdf(x, q_mean, q_std);
    const p = Math.exp(logP);
    const q = Math.exp(logQ);
    const top = Math.max(logP, logQ);
    const logM = top + Math.log(Math.exp(logP - top) + Math.exp(logQ - top)) - Math.LN2;
    out.p.push(p);
    out.q.push(q);
    out.forward.push(p * (logP - logQ));
    out.reverse.push(q * (logQ - logP));
    out.js.push(0.5 * p * (logP - logM) + 0.5 * q * (logQ - logM));
  }
  return out;
};

/** The three divergences in nats, and how much of each law the other one leaves almost uncovered (less than a tenth). */
const divergences = (at) => {
  const all = [...at.components.map(([, mean, std]) => [mean, std]), [at.q_mean, at.q_std]];
  const low = Math.min(...all.map(([mean, std]) => mean - 9 * std));
  const high = Math.max(...all.map(([mean, std]) => mean + 9 * std));
  const n = 8000;
  const values = rows(at, grid(low, high, n));
  const integral = (f) => (simpson(f, 0, n, n) * (high - low)) / n;
  const area = (name) => integral((i) => values[name][i]);
  return {
    forward: area("forward"),
    reverse: area("reverse"),
    js: area("js"),
    missed: integral((i) => (values.q[i] < values.p[i] / 10 ? values.p[i] : 0)),
    wasted: integral((i) => (values.p[i] < values.q[i] / 10 ? values.q[i] : 0)),
  };
};

/** Mean and std of p: where the forward KL is least. */
const moments = (components) => {
  const mean = components.reduce((sum, [w, m]) => sum + w * m, 0);
  const second = components.reduce((sum, [w, m, sd]) => sum + w * (sd * sd + m * m), 0);
  return { mean, std: Math.sqrt(second - mean * mean) };
};

const Z = grid(-8, 8, 800);
const PHI = Z.map((z) => (Math.exp(-0.5 * z * z) / Math.sqrt(2 * Math.PI)) * 0.02);

/** KL(q || p) for q = N(mean, exp(logStd)²), and minus its natural gradient (as in gentutor.fits). */
const reverseAt = (components, mean, logStd) => {
  const std = Math.exp(logStd);
  const live = components.filter(([w]) => w > 0);
  const constants = live.map(([w, , sd]) => Math.log(w) - Math.log(sd) - 0.5 * Math.log(2 * Math.PI));
  let expected = 0;
  let score = 0;
  let scoreZ = 0;
  const logs = new Array(live.length);
  for (let i = 0; i < Z.length; i += 1) {
    const x = mean + std * Z[i];
    let top = -Infinity;
    for (let k = 0; k < live.length; k += 1) {
      const u = (x - live[k][1]) / live[k][2];
      logs[k] = constants[k] - 0.5 * u * u;
      if (logs[k] > top) top = logs[k];
    }
    let sum = 0;
    let slope = 0;
    for (let k = 0; k < live.length; k += 1) {
      const share = Math.exp(logs[k] - top);
      sum += share;
      slope += (share * (live[k][1] - x)) / (live[k][2] * live[k][2]);
    }
    slope /= sum;
    expected += PHI[i] * (top + Math.log(sum));
    score += PHI[i] * slope;
    scoreZ += PHI[i] * slope * Z[i];
  }
  const kl = -(logStd + 0.5 * (Math.log(2 * Math.PI) + 1)) - expected;
  return { mean, logStd, kl, downMean: std * score, downLogStd: (1 + std * scoreZ) / 2 };
};

/** The same for KL(p || q), from p's moments alone; `kl` is it less a constant. */
const forwardAt = (components, mean, logStd) => {
  const p = moments(components);
  const spread = (p.std ** 2 + (p.mean - mean) ** 2) / Math.exp(2 * logStd);
  return { mean, logStd, kl: logStd + spread / 2, downMean: (p.mean - mean) / Math.exp(logStd), downLogStd: (spread - 1) / 2 };
};

const cut = (v, most) => Math.max(-most, Math.min(most, v));

/** One step of the descent from `here`, or the same place with half the rate when the step would not go down. */
const descend = (evaluate, here, rate, most) => {
  const mean = here.mean + cut(rate * here.downMean, 0.5) * Math.exp(here.logStd);
  const there = evaluate(mean, here.logStd + cut(rate * here.downLogStd, 0.2));
  return there.kl <= here.kl ? [there, Math.min(1.2 * rate, most)] : [here, rate / 2];
};

const still = (at) => Math.hypot(at.downMean, at.downLogStd) < 1e-6;

/** Local minima of KL(q || p), best first: descents from a spread of narrow and wide starts. */
const optima = (components) => {
  const live = components.filter(([w]) => w > 0);
  const evaluate = (mean, logStd) => reverseAt(live, mean, logStd);
  const low = Math.min(...live.map(([, m, sd]) => m - sd));
  const high = Math.max(...live.map(([, m, sd]) => m + sd));
  const found = [];
  for (const width of [Math.min(...live.map((row) => row[2])), moments(live).std]) {
    for (let i = 0; i < 8; i += 1) {
      let [here, rate] = [evaluate(low + ((high - low) * (i + 0.5)) / 8, Math.log(width)), 0.5];
      for (let step = 0; step < 300 && !still(here); step += 1) [here, rate] = descend(evaluate, here, rate, 0.5);
      const std = Math.exp(here.logStd);
      const known = found.some((o) => Math.abs(o.mean - here.mean) < 1e-3 * o.std && Math.abs(std / o.std - 1) < 1e-3);
      if (still(here) && !known) found.push({ mean: here.mean, std, kl: here.kl });
    }
  }
  return found.sort((a, b) => a.kl - b.kl || a.mean - b.mean);
};

/** Where a fit in this direction can end. */
const ends = (components, direction) => {
  if (direction === "reverse") return optima(components);
  const best = moments(components);
  return [{ ...best, kl: divergences({ components, q_mean: best.mean, q_std: best.std }).forward }];
};

/** All the numbers that are shown. */
export function compute(state) {
  return { ...divergences(state), ends: ends(state.components, state.direction) };
}

const percent = (share) => `${Math.round(100 * share)} %`;

/** What the numbers say, in words. */
const words = ({ forward, reverse, js, missed, wasted }) => {
  if (js < 1e-5) return "q is p. All three divergences are zero, and so is every integrand, at every point.";
  if (missed > 0.05 && wasted > 0.05)
    return `q misses ${percent(missed)} of p and spends ${percent(wasted)} of itself where p has almost nothing: both directions charge for it.`;
  if (missed > 0.05)
    return `q leaves ${percent(missed)} of p almost uncovered: the forward KL pays for that, ${fmt(forward, 2)} nats; the reverse KL hardly notices, ${fmt(reverse, 2)}.`;
  if (wasted > 0.05)
    return `q covers all of p and spends ${percent(wasted)} of itself where p has almost nothing: the forward KL forgives it, ${fmt(forward, 2)} nats; the reverse KL does not, ${fmt(reverse, 2)}.`;
  return `q follows p: neither leaves the other uncovered, and the two directions, ${fmt(forward, 3)} and ${fmt(reverse, 3)} nats, come close to each other.`;
};

// ---- picture --------------------------------------------------------------------------------------------------

const XS = grid(...VIEW, 480);
const ROWS = {
  forward: { name: "KL(p ‖ q)", color: "var(--p)", note: "p · log(p/q): pays where q leaves out what p has", height: 84 },
  reverse: { name: "KL(q ‖ p)", color: "var(--q)", note: "q · log(q/p): pays where q puts what p lacks", height: 84 },
  js: { name: "JS(p, q)", color: "var(--third)", note: "against the middle of p and q; never above log 2 = 0.693", height: 46 },
};
const bold = "font-weight: 650";
const soft = "color: var(--ink-soft); font-size: 0.87em";
const bare = (view) => {
  view.svg.querySelector(".gt-axes").style.display = "none";
};

/** A row of the picture: its name, its number, and the signed integrand, plain above zero and hatched below. */
const integrandRow = ({ name, color, note, height }, redraw) => {
  const id = uid("hatch");
  const number = h("strong", { class: "gt-value", style: `font-size: 1.15em; color: ${color}` });
  const head = h(
    "div",
    { style: "display: flex; flex-wrap: wrap; gap: 0 0.7rem; align-items: baseline; margin-top: 0.5rem" },
    h("span", { style: bold }, name),
    number,
    h("span", { style: soft }, note),
  );
  const view = plot({ x: VIEW, y: [-0.2, 0.6], height, title: `Integrand of ${name}`, xTicks: [], margin: { top: 4, bottom: 4 }, redraw });
  bare(view);
  view.marks.append(
    s("defs", {}, s("pattern", { id, width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" },
      s("rect", { width: 6, height: 6, fill: "var(--paper)" }), s("line", { x1: 1, x2: 1, y1: 0, y2: 6, style: `stroke: ${color}`, "stroke-width": 2 }))),
  );
  const above = view.area({ style: `fill: ${color}; opacity: 0.32` });
  const below = view.area({ fill: `url(#${id})` });
  const curve = view.line({ style: `stroke: ${color}`, "stroke-width": 1.8 });
  const zero = view.line({ style: "stroke: var(--ink-soft)", "stroke-width": 1 });
  return {
    el: h("div", {}, head, view.el),
    stop: view.stop,
    draw: (values, value, range) => {
      view.y = range;
      number.textContent = `${fmt(value, 3)} nats`;
      above.to(XS.map((x, i) => [x, Math.max(0, values[i])]));
      below.to(XS.map((x, i) => [x, Math.min(0, values[i])]));
      curve.to(XS.map((x, i) => [x, values[i]]));
      zero.to(VIEW.map((x) => [x, 0]));
    },
  };
};

/** The strip under the densities: where a fit can end, one line a place, with its width and its KL. */
const endsStrip = (redraw) => {
  const view = plot({ x: VIEW, y: [0, 2], height: 42, title: "Where a fit can end", xTicks: [], margin: { top: 1, bottom: 1 }, redraw });
  bare(view);
  set(view.svg, { role: "img" });
  const group = s("g", {});
  view.marks.append(group);
  return {
    el: view.el,
    stop: view.stop,
    draw: (places) => {
      const taken = [];
      group.replaceChildren(
        ...places.slice(0, 4).flatMap(({ mean, std, kl }, i) => {
          const left = view.X(Math.max(mean - std, VIEW[0]));
          const right = Math.min(view.X(mean + std), view.X(VIEW[1]) - 40);
          const clash = taken.some(([low, high]) => left < high && right + 50 > low);
          if (!clash) taken.push([left, right + 50]);
          const y = view.Y(clash ? 0.5 : 1.5);
          const x = view.X(mean);
          return [
            s("line", { x1: left, x2: right, y1: y, y2: y, style: "stroke: var(--q)", "stroke-width": 1.5 }),
            s("path", { d: `M${x},${y - 5}l5,5l-5,5l-5,-5Z`, style: `fill: ${i ? "var(--paper)" : "var(--q)"}; stroke: var(--q)`, "stroke-width": 1.5 }),
            s("text", { x: right + 8, y: y + 4.5 }, fmt(kl, 3)),
          ];
        }),
      );
      const list = places.map(({ mean, std, kl }) => `mean ${fmt(mean, 2)}, std ${fmt(std, 2)}: ${fmt(kl, 3)} nats`);
      set(view.svg, { "aria-label": `Where a fit can end. ${list.join("; ")}` });
    },
  };
};

export function render({ model, el }) {
  const now = () => ({ components: model.get("components"), q_mean: model.get("q_mean"), q_std: model.get("q_std") });
  let halt = null;
  let note = "";
  let places = [];
  let placesOf = "";
  let later = 0;

  const stopFit = () => {
    halt?.();
    halt = null;
    fitButton.textContent = "Fit q from here";
  };
  const touch = (values) => {
    stopFit();
    note = "";
    change(model, values);
  };
  const alter = (k, column, value) => {
    const components = model.get("components").map((row) => [...row]);
    if (column === 0) {
      const rest = components.reduce((sum, [w], i) => (i === k ? sum : sum + w), 0);
      components.forEach((row, i) => {
        row[0] = i === k ? value : rest > 0 ? (row[0] / rest) * (1 - value) : (1 - value) / (components.length - 1);
      });
    } else {
      components[k][column] = value;
    }
    touch({ components, selected: k });
  };

  // -- the densities and their handles
  const top = plot({
    x: VIEW, y: [0, 0.6], height: 220, title: "The densities p and q, with handles to move them", margin: { top: 22 }, redraw: () => update(),
  });
  const pArea = top.area({ style: "fill: var(--p); opacity: 0.16" });
  const pLine = top.line({ style: "stroke: var(--p)", "stroke-width": 2.4 });
  const qLine = top.line({ style: "stroke: var(--q)", "stroke-width": 2.4, "stroke-dasharray": "8 4" });
  const pNames = [0, 1, 2].map(() => top.text({ "text-anchor": "middle", style: `fill: var(--p); ${bold}` }));
  const qName = top.text({ "text-anchor": "middle", style: `fill: var(--q); ${bold}` });
  const sigma = top.text({ "text-anchor": "middle", style: `fill: var(--q); ${bold}` });
  const pHandles = [0, 1, 2].map((k) =>
    top.handle({
      label: `Mean of bump ${k + 1} of p`, range: MEAN, step: 0.1, style: "color: var(--p)", onMove: (v) => alter(k, 1, v),
      onfocus: () => model.get("selected") !== k && change(model, { selected: k }),
    }));
  const stdHandle = top.handle({
    label: "Standard deviation of q", range: VIEW, step: 0.1, style: "color: var(--q)",
    valueText: () => `standard deviation ${fmt(model.get("q_std"), 2)}`,
    onMove: (v) => touch({ q_std: top.clamp(Math.abs(v - model.get("q_mean")), Q_STD) }),
  });
  const meanHandle = top.handle({
    label: "Mean of q", range: MEAN, step: 0.1, style: "color: var(--q)", onMove: (v) => touch({ q_mean: v }),
  });

  // -- controls
  const share = slider({ label: "", min: 0.02, max: 0.98, step: 0.01, value: 0.5, onInput: (v) => alter(model.get("selected"), 0, v) });
  const width = slider({ label: "", min: STD[0], max: STD[1], step: 0.05, value: 1, onInput: (v) => alter(model.get("selected"), 2, v) });
  const direction = choice({
    label: "The fit descends", options: { reverse: "KL(q ‖ p), reverse", forward: "KL(p ‖ q), forward" }, value: model.get("direction"),
    onChange: (v) => touch({ direction: v }),
  });
  const fitButton = h("button", { type: "button", onclick: () => (halt ? stopFit() : fit()) }, "Fit q from here");

  const finish = () => {
    stopFit();
    const [best] = places;
    const here = { mean: model.get("q_mean"), std: model.get("q_std") };
    const found = places.find((o) => Math.abs(o.mean - here.mean) < 0.05 && Math.abs(o.std - here.std) < 0.05);
    if (model.get("direction") === "forward") {
      note = "The forward fit ends at the mean and the standard deviation of p, wherever it starts. It has no other optimum.";
    } else if (found && found.kl > best.kl + 1e-3) {
      note = `The descent is stuck in a local optimum: KL(q ‖ p) = ${fmt(found.kl, 3)} here, ${fmt(best.kl, 3)} at the best place. Another start would end elsewhere.`;
    } else {
      note = `The reverse fit found the best place there is, KL(q ‖ p) = ${fmt(best.kl, 3)}${places.length > 1 ? ". From another start it can end elsewhere." : "."}`;
    }
    update();
  };
  const fit = () => {
    note = `Descending KL(${model.get("direction") === "forward" ? "p ‖ q" : "q ‖ p"}) from here …`;
    fitButton.textContent = "Stop";
    const components = model.get("components");
    const measure = model.get("direction") === "forward" ? forwardAt : reverseAt;
    const evaluate = (mean, logStd) => measure(components, mean, logStd);
    let [here, rate] = [evaluate(model.get("q_mean"), Math.log(model.get("q_std"))), 0.15];
    let steps = 0;
    const step = () => {
      [here, rate] = descend(evaluate, here, rate, 0.15);
      steps += 1;
      return steps < 400 && Math.hypot(here.downMean, here.downLogStd) > 1e-4;
    };
    const show = () => change(model, { q_mean: top.clamp(here.mean, MEAN), q_std: top.clamp(Math.exp(here.logStd), Q_STD) });
    if (reducedMotion()) {
      while (step());
      show();
      finish();
      return;
    }
    halt = animate(el, () => {
      const more = step();
      show();
      if (!more) finish();
      return more;
    });
  };

  const findPlaces = () => {
    const key = JSON.stringify([model.get("components"), model.get("direction")]);
    if (key === placesOf) return;
    placesOf = key;
    places = ends(model.get("components"), model.get("direction"));
    strip.draw(places);
  };

  const say = sentence();
  const strip = endsStrip(() => strip.draw(places));
  const stripNote = h("span", { style: soft });
  const three = Object.fromEntries(Object.entries(ROWS).map(([key, row]) => [key, integrandRow(row, () => update())]));

  const update = () => {
    const at = now();
    const { components, q_mean, q_std } = at;
    const values = rows(at, XS);
    const numbers = divergences(at);
    top.y = [0, 1.18 * Math.max(0.3, ...values.p, ...values.q)];
    pArea.to(XS.map((x, i) => [x, values.p[i]]));
    pLine.to(XS.map((x, i) => [x, values.p[i]]));
    qLine.to(XS.map((x, i) => [x, values.q[i]]));
    const [weights, means, stds] = columns(components);
    const p = (x) => Math.exp(mixtureLogPdf(x, weights, means, stds));
    const q = (x) => Math.exp(normalLogPdf(x, q_mean, q_std));
    const lift = (top.y[1] * 16) / top.height;
    pHandles.forEach((handle, k) => {
      const there = k < components.length;
      set(handle.node, { display: there ? "inline" : "none" });
      pNames[k].to(there ? means[k] : 0, there ? p(means[k]) + lift : 0, there ? (components.length > 1 ? `p${"₁₂₃"[k]}` : "p") : "");
      if (there) handle.to(means[k], p(means[k]));
    });
    const side = q_mean + q_std < VIEW[1] - 0.3 ? 1 : -1;
    meanHandle.to(q_mean, q(q_mean));
    stdHandle.to(q_mean + side * q_std, q(q_mean + q_std));
    qName.to(q_mean, q(q_mean) + lift, "q");
    sigma.to(q_mean + side * (q_std + 0.35), q(q_mean + q_std) + lift / 2, "σ");

    const high = 1.08 * Math.max(0.2, ...values.forward, ...values.reverse, ...values.js.map((v) => 2.4 * v));
    const low = 1.05 * Math.min(-0.12 * high, ...values.forward, ...values.reverse);
    for (const [key, { height }] of Object.entries(ROWS)) {
      const least = key === "js" ? -0.06 * high : low;
      three[key].draw(values[key], numbers[key], [least, least + ((high - low) * (height - 8)) / 76]); // one scale for all
    }

    const k = Math.min(model.get("selected"), components.length - 1);
    const bump = components.length > 1 ? `bump ${k + 1} of p` : "p";
    share.el.style.display = components.length > 1 ? "" : "none";
    share.el.querySelector("label").textContent = `Share of ${bump}`;
    width.el.querySelector("label").textContent = `Width (std) of ${bump}`;
    share.set(weights[k]);
    width.set(stds[k]);
    direction.set(model.get("direction"));
    stripNote.textContent = model.get("direction") === "forward"
      ? "◆ the one place where a forward fit ends, with its width and its KL(p ‖ q)"
      : "◆ where a reverse fit can end, each with its width and its KL(q ‖ p); the filled one is the best";
    say.say(note || words(numbers));
    clearTimeout(later);
    later = setTimeout(findPlaces, 120);
  };

  const show = Object.fromEntries(Object.entries(PRESETS).map(([name, values]) => [name, () => touch({ ...values, selected: 0 })]));
  el.replaceChildren(
    buttons("Show me", show),
    top.el,
    h("div", { style: "display: flex; flex-wrap: wrap; gap: 0.3rem 0.8rem; align-items: center; margin: 0.4rem 0" }, direction.el, fitButton),
    h("div", {}, stripNote, strip.el),
    h("p", { style: soft }, "Below: what each point adds. Plain area counts, hatched area is taken off; the three rows share one scale."),
    ...Object.values(three).map((row) => row.el),
    say.el,
    h("div", { class: "gt-controls" }, share.el, width.el),
  );
  const unwatch = watch(model, ["components", "q_mean", "q_std", "direction", "selected"], update);
  update();
  findPlaces();
  return () => {
    clearTimeout(later);
    unwatch();
    halt?.();
    [top, strip, ...Object.values(three)].forEach((view) => view.stop());
  };
}

export default { render };
