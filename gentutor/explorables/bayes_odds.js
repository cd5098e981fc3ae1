import { h, s, set, fmt, watch, change, state, slider, choice, buttons, sentence, plot } from "./core.js";

const NAMES = ["prior", "sensitivity", "false_positive_rate", "results", "story"];
const TOTAL = 1000;
const EDGE = 4; // the line shows odds from 1 : 10^4 to 10^4 : 1

const STORIES = {
  illness: {
    all: "people", yes: "ill", no: "healthy", being: "of being ill", only: "Only those who", other: "other result",
    prior: "Ill, before any test (prior)", sensitivity: "Positive, if ill (sensitivity)", false_positive_rate: "Positive, if healthy (false alarms)",
    resultsLabel: "What the tests say",
    results: {
      "+": ["test positive", "a positive test"], "++": ["test positive twice", "two positive tests"],
      "+++": ["test positive three times", "three positive tests"], "-": ["test negative", "a negative test"],
      "+-": ["test positive, then negative", "a positive and a negative test"], "--": ["test negative twice", "two negative tests"],
    },
  },
  spam: {
    all: "mails", yes: "spam", no: "wanted", being: "of spam", only: "Only those that", other: "otherwise",
    prior: "Spam, before reading (prior)", sensitivity: "Has the word, if spam", false_positive_rate: "Has the word, if wanted",
    resultsLabel: "Which words are there",
    results: {
      "+": ["have the word", "the word"], "++": ["have both words", "two such words"], "+++": ["have all three words", "three such words"],
      "-": ["lack the word", "the missing word"], "+-": ["have only the first of two words", "one word of two"], "--": ["lack both words", "two missing words"],
    },
  },
};
const RARE = { prior: 0.01, sensitivity: 0.9, false_positive_rate: 0.1, results: "+", story: "illness" };
const PRESETS = {
  "Rare disease": RARE,
  "A second test": { ...RARE, results: "++" },
  "Negative test": { ...RARE, results: "-" },
  "Coin-flip prior": { ...RARE, prior: 0.5 },
  "Spam word": { prior: 0.4, sensitivity: 0.25, false_positive_rate: 0.02, results: "+", story: "spam" },
};

/** Whole numbers that sum to `total`, by largest remainders; ties go to the first. */
export function largestRemainder(shares, total) {
  const counts = shares.map((v) => Math.floor(v * total));
  const order = shares.map((_, i) => i).sort((i, j) => counts[i] - shares[i] * total - (counts[j] - shares[j] * total) || i - j);
  for (const i of order.slice(0, total - counts.reduce((a, b) => a + b))) counts[i] += 1;
  return counts;
}

/** Every number that is shown. joint and counts: [yes & as observed, no & as observed, yes & not, no & not]. */
export function compute({ prior, sensitivity, false_positive_rate, results }) {
  const [rateYes, rateNo] = [sensitivity, false_positive_rate].map((rate) =>
    [...results].reduce((product, r) => product * (r === "+" ? rate : 1 - rate), 1));
  const observed = [prior * rateYes, (1 - prior) * rateNo];
  const joint = [...observed, prior - observed[0], 1 - prior - observed[1]];
  const ratios = [...results].map((r) => (r === "+" ? sensitivity / false_positive_rate : (1 - sensitivity) / (1 - false_positive_rate)));
  const logOdds = [Math.log(prior / (1 - prior))];
  for (const ratio of ratios) logOdds.push(logOdds[logOdds.length - 1] + Math.log(ratio));
  const posterior = 1 / (1 + Math.exp(-logOdds[logOdds.length - 1]));
  return { joint, counts: largestRemainder(joint, TOTAL), ratios, logOdds, posterior, evidence: observed[0] + observed[1] };
}

const percent = (p) => {
  const digits = p > 0.9995 || p < 0.0005 ? 3 : p < 0.01 || p > 0.99 ? 2 : 1;
  return `${String(Number((100 * p).toFixed(digits)))} %`;
};
const factor = (r) => (r >= 1 ? `× ${Number(r.toPrecision(3))}` : `÷ ${Number((1 / r).toPrecision(3))}`);
const side = (x) => Number(x < 100 ? x.toPrecision(2) : x.toFixed(0));
const odds = (logOdds) => (logOdds <= 0 ? `1 : ${side(Math.exp(-logOdds))}` : `${side(Math.exp(logOdds))} : 1`);
const toProbability = (log10Odds) => {
  const p = 1 / (1 + 10 ** -log10Odds);
  return p < 0.5 ? Number(p.toPrecision(2)) : 1 - Number((1 - p).toPrecision(2));
};
const toLine = (logOdds) => logOdds / Math.LN10;
const clamp = (v) => Math.min(EDGE, Math.max(-EDGE, v));

const words = ({ story, results }, { joint, counts, posterior }, prior) => {
  const t = STORIES[story];
  const [doing, evidence] = t.results[results] ?? [`show ${results || "nothing yet"}`, results || "no test"];
  const exact = joint.every((p, i) => Math.abs(p * TOTAL - counts[i]) < 1e-6);
  const n = counts[0] + counts[1];
  const ofThem = `${counts[0]} of them ${counts[0] === 1 ? "is" : "are"} ${t.yes}`;
  const moved = posterior >= prior ? "up" : "down";
  return `Of ${TOTAL} ${t.all}, ${exact ? "" : "about "}${n} ${doing}; ${ofThem}. After ${evidence} the probability ${t.being} is ${percent(posterior)}, ${moved} from ${percent(prior)}.`;
};

// Icons in a cell of 10 by 10: diamonds are ill, discs are healthy; filled ones show the results that were observed.
const diamond = (x, y) => `M${x + 5},${y + 0.4}l4.6,4.6l-4.6,4.6l-4.6,-4.6z`;
const disc = (r) => (x, y) => `M${x + 5 - r},${y + 5}a${r},${r} 0 1,0 ${2 * r},0a${r},${r} 0 1,0 ${-2 * r},0z`;
const ICONS = [
  { shape: diamond, attrs: { fill: "var(--q)" } },
  { shape: disc(3.7), attrs: { fill: "var(--p)" } },
  { shape: diamond, attrs: { fill: "none", stroke: "var(--q)", "stroke-width": 1.6 } },
  { shape: disc(1.7), attrs: { fill: "var(--ink-soft)", opacity: 0.55 } },
];

const crowd = () => {
  const ground = s("path", { fill: "var(--accent)", opacity: 0.13 });
  const paths = ICONS.map(({ attrs }) => s("path", attrs));
  const svg = s("svg", { role: "img", width: "100%", style: "display:block" }, ground, ...paths);
  let rows = 20;
  let counts = [0, 0, 0, TOTAL];
  const draw = () => {
    const at = (i) => [Math.floor(i / rows) * 10, (i % rows) * 10];
    let next = 0;
    counts.forEach((n, kind) => {
      let d = "";
      for (let i = 0; i < n; i += 1, next += 1) d += ICONS[kind].shape(...at(next));
      set(paths[kind], { d });
    });
    const [x, y] = at(counts[0] + counts[1]);
    set(ground, { d: `M0,0H${y ? x + 10 : x}V${y}H${x}V${rows * 10}H0z` });
    set(svg, { viewBox: `0 0 ${(TOTAL / rows) * 10} ${rows * 10}` });
  };
  const observer = new ResizeObserver(([entry]) => {
    const wanted = entry.contentRect.width < 480 ? 25 : 20;
    if (wanted === rows) return;
    rows = wanted;
    draw();
  });
  observer.observe(svg);
  return {
    el: svg,
    show: (now, label) => {
      counts = now;
      set(svg, { "aria-label": label });
      draw();
    },
    stop: () => observer.disconnect(),
  };
};

const legend = () => {
  const items = ICONS.map(({ shape, attrs }) => {
    const text = h("span", {});
    const icon = s("svg", { viewBox: "0 0 10 10", width: 15, height: 15, "aria-hidden": "true" }, s("path", { ...attrs, d: shape(0, 0) }));
    return { text, el: h("li", { style: "display:flex;gap:.4rem;align-items:center;margin:0" }, icon, text) };
  });
  const style = "display:flex;flex-wrap:wrap;gap:.15rem 1.1rem;list-style:none;margin:.5rem 0;padding:0;font-size:.9em";
  return { el: h("ul", { style }, items.map((item) => item.el)), show: (texts) => texts.forEach((text, i) => { items[i].text.textContent = text; }) };
};

/** Those who show the results, on their own: the posterior as a share of a bar. */
const share = () => {
  const bar = (color) => h("div", { style: `background:${color};height:16px;min-width:1px` });
  const [yes, no] = [bar("var(--q)"), bar("var(--p)")];
  const title = h("p", { style: "font-size:.9em" });
  const [left, right] = [h("span", {}), h("span", {})];
  const ends = h("div", { style: "display:flex;justify-content:space-between;gap:1rem;font-size:.9em" }, left, right);
  const both = h("div", { style: "display:flex;gap:3px;border-radius:4px;overflow:hidden", "aria-hidden": "true" }, yes, no);
  return {
    el: h("div", {}, title, both, ends),
    show: (t, doing, posterior) => {
      title.textContent = `${t.only} ${doing}:`;
      yes.style.flex = `${posterior} 1 0`;
      no.style.flex = `${1 - posterior} 1 0`;
      left.textContent = `◆ ${t.yes} ${percent(posterior)}`;
      right.textContent = `${t.no} ${percent(1 - posterior)} ●`;
    },
  };
};

/** The line of log-odds: the prior is a handle, each result an arrow, and the last arrow ends at the posterior. */
const oddsLine = (onMove, redraw) => {
  let view = null;
  const hidden = (v) => view && view.width() < 520 && v % 2 !== 0; // no room on a phone
  view = plot({
    x: [-EDGE - 0.6, EDGE + 0.6], y: [0, 5], height: 226, title: "The line of log-odds", redraw,
    xTicks: [-4, -3, -2, -1, 0, 1, 2, 3, 4], margin: { bottom: 66, left: 4, right: 4, top: 6 },
    tickText: (v) => (hidden(v) ? "" : v <= 0 ? `1:${10 ** -v}` : `${10 ** v}:1`),
  });
  const below = s("g", { "aria-hidden": "true" });
  const arrows = s("g", { "aria-hidden": "true" });
  view.svg.append(below, arrows);
  const handle = view.handle({
    label: "Prior: drag along the line of odds", range: [-EDGE, EDGE], step: 0.1, onMove, color: "var(--ink)",
    valueText: (v) => `prior odds ${odds(v * Math.LN10)}, probability ${percent(toProbability(v))}`,
  });
  view.svg.append(handle.node);
  const halo = { "paint-order": "stroke", stroke: "var(--paper)", "stroke-width": 4 };
  const text = (x, y, string, attrs = {}) => s("text", { x, y, "text-anchor": "middle", ...halo, ...attrs }, string);
  /** A label right or left of x, where there is room; else above it, within the picture. */
  const beside = (x, y, string, attrs) => {
    const long = 7.6 * string.length;
    if (x + 14 + long < view.width()) return text(x + 14, y, string, { "text-anchor": "start", ...attrs });
    if (x - 14 - long > 0) return text(x - 14, y, string, { "text-anchor": "end", ...attrs });
    return text(Math.min(view.width() - long / 2, Math.max(long / 2, x)), y - 12, string, attrs);
  };
  const show = ({ logOdds, ratios, posterior }, t) => {
    const { X, Y, width } = view;
    const floor = view.height - view.margin.bottom;
    below.replaceChildren(
      ...[-4, -3, -2, -1, 0, 1, 2, 3, 4].filter((v) => !hidden(v)).map((v) =>
        text(X(v), floor + 33, percent(1 / (1 + 10 ** -v)), { style: "fill:var(--ink-soft);font-size:12px" })),
      text(width() / 2, floor + 56, width() < 520 ? `odds ${t.yes} : ${t.no}, and probability` : `odds ${t.yes} : ${t.no}, and probability. Evidence adds: an arrow is as long wherever it starts`, { style: "fill:var(--ink-soft);font-size:12px" }),
    );
    const at = logOdds.map((v) => X(clamp(toLine(v))));
    const level = (i) => Y(4.35) + i * ((floor - Y(4.35) - 34) / Math.max(2, ratios.length));
    const drop = (x, from, to) => s("line", { x1: x, x2: x, y1: from, y2: to, stroke: "var(--ink-soft)", "stroke-dasharray": "2 3" });
    const parts = [drop(at[0], Y(4.35), level(ratios.length && 1))];
    ratios.forEach((ratio, i) => {
      const y = level(i + 1);
      const [from, to] = [at[i], at[i + 1]];
      const way = Math.sign(to - from) || 1;
      const color = ratio >= 1 ? "var(--q)" : "var(--p)";
      const off = Math.abs(toLine(logOdds[i + 1])) > EDGE;
      if (Math.abs(to - from) > 1) {
        parts.push(
          s("line", { x1: from, x2: to - way * Math.min(7, Math.abs(to - from)), y1: y, y2: y, stroke: color, "stroke-width": 3 }),
          s("path", { d: `M${to},${y}l${-way * 10},-5.5v11z`, fill: color }),
        );
      }
      parts.push(text((from + to) / 2, y - 6, `${factor(ratio)}${off ? " …" : ""}`, { style: "font-weight:600" }));
      parts.push(drop(to, y, i + 1 < ratios.length ? level(i + 2) : floor));
    });
    const end = at[at.length - 1];
    parts.push(
      s("path", { d: `M${end},${floor}l-6,-11h12z`, fill: "var(--ink)" }),
      beside(at[0], Y(4.35) + 5, `prior ${odds(logOdds[0])}`, {}),
      beside(end, floor - 7, `posterior ${odds(logOdds[logOdds.length - 1])} = ${percent(posterior)}`, { style: "font-weight:600" }),
    );
    arrows.replaceChildren(...parts);
    handle.to(clamp(toLine(logOdds[0])), 4.35);
  };
  return { el: view.el, show, stop: view.stop };
};

export function render({ model, el }) {
  const say = sentence();
  const people = crowd();
  const key = legend();
  const bar = share();
  const line = oddsLine((v) => change(model, { prior: toProbability(v) }), () => update());
  const rate = (name, min, max, step) =>
    slider({ label: "", min, max, step, value: model.get(name), format: percent, onInput: (v) => change(model, { [name]: v }) });
  const controls = {
    prior: slider({
      label: "", min: -EDGE, max: EDGE, step: 0.05, value: 0, format: (v) => percent(toProbability(v)),
      onInput: (v) => change(model, { prior: toProbability(v) }),
    }),
    sensitivity: rate("sensitivity", 0.01, 0.99, 0.01),
    false_positive_rate: rate("false_positive_rate", 0.005, 0.6, 0.005),
  };
  const results = choice({ label: "", wide: true, options: STORIES.illness.results, value: model.get("results"), onChange: (v) => change(model, { results: v }) });
  const update = () => {
    const now = state(model, NAMES);
    const t = STORIES[now.story];
    const shown = compute(now);
    const doing = (t.results[now.results] ?? [`show ${now.results}`])[0];
    for (const [name, control] of Object.entries(controls)) {
      control.el.querySelector("label").textContent = t[name];
      control.set(name === "prior" ? toLine(shown.logOdds[0]) : now[name]);
    }
    results.el.querySelector("label").textContent = t.resultsLabel;
    for (const option of results.el.querySelectorAll("option")) option.textContent = t.results[option.value][0];
    results.set(now.results);
    const [a, b, c, d] = shown.counts;
    const texts = [`${a} ${t.yes}, ${doing}`, `${b} ${t.no}, ${doing}`, `${c} ${t.yes}, ${t.other}`, `${d} ${t.no}, ${t.other}`];
    people.show(shown.counts, `${TOTAL} ${t.all}: ${texts.join(", ")}.`);
    key.show(texts);
    bar.show(t, doing, shown.posterior);
    line.show(shown, t);
    say.say(words(now, shown, now.prior));
  };
  el.append(
    buttons("Show me", Object.fromEntries(Object.entries(PRESETS).map(([text, values]) => [text, () => change(model, values)]))),
    say.el, people.el, key.el, bar.el, line.el,
    h("div", { class: "gt-controls" }, ...Object.values(controls).map((control) => control.el), results.el),
  );
  update();
  const unwatch = watch(model, NAMES, update);
  return () => {
    unwatch();
    people.stop();
    line.stop();
  };
}

export default { render };
