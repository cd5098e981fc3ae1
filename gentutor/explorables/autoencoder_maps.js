import {
  buttons, change, choice, fmt, h, halves, inkCanvas, linearLayers, mlp, paintInk, plot, rng, s, sentence, set, sigmoid, state, watch,
} from "./core.js";

const MODELS = packaged("autoencoder_maps");
const NAMES = ["ae_point", "vae_point", "show", "draws", "law", "digit", "redraw", "_own"];
const DRAWN = 200; // draws, of which
const DRAWN_CODES = 400; // codes that have room as numerals; all count
const SHOWN = 12; // are decoded
const TITLES = { ae: "Autoencoder", vae: "VAE" };

// ---- the two models -------------------------------------------------------------------------------------------

const distance = (a, b) => Math.hypot(a[0] - b[0], a[1] - b[1]);
const quantile = (values, q) => [...values].sort((a, b) => a - b)[Math.floor(q * (values.length - 1))];

/** Index and distance of the code nearest to z, leaving out `except`. */
const nearest = (codes, z, except = -1) => {
  let best = { index: -1, distance: Infinity };
  codes.forEach((code, index) => {
    const d = distance(code, z);
    if (d < best.distance && index !== except) best = { index, distance: d };
  });
  return best;
};

/** A decoder, its codes (the VAE's with their standard deviations), and how far apart neighbouring codes are. */
const build = (tensors, prefix, width, labels) => {
  const numbers = halves(tensors[`${prefix}codes`]);
  const rows = Array.from({ length: numbers.length / width }, (_, i) => [...numbers.slice(i * width, (i + 1) * width)]);
  const codes = rows.map((row) => row.slice(0, 2));
  const gaps = codes.map((code, i) => nearest(codes, code, i).distance);
  const center = [0, 1].map((a) => (quantile(codes.map((c) => c[a]), 0.01) + quantile(codes.map((c) => c[a]), 0.99)) / 2);
  const radius = Math.max(3, 1.12 * quantile(codes.map((c) => Math.max(Math.abs(c[0] - center[0]), Math.abs(c[1] - center[1]))), 0.99));
  return {
    layers: linearLayers(tensors, prefix), ...moments(codes), labels: [...halves(labels)], codes, center, radius, reach: quantile(gaps, 0.95),
    stds: width === 4 ? rows.map((row) => [Math.exp(row[2] / 2), Math.exp(row[3] / 2)]) : null,
  };
};
const one = (name, own) =>
  own?.[name]
    ? build(own[name], "", name === "vae" ? 4 : 2, own[name].labels)
    : build(MODELS, `${name}.`, name === "vae" ? 4 : 2, MODELS.labels);
let built = { own: undefined, models: null };
const models = (own) => {
  if (!built.models || built.own !== own) built = { own, models: { ae: one("ae", own), vae: one("vae", own) } };
  return built.models;
};

/** The decoded picture at z: 784 grey values, rows from the top. */
const decode = (net, z) => mlp(net.layers, z).map(sigmoid);

/** The middle of two codes that is farthest from every code: a hole inside the cloud. Tried on a few hundred pairs. */
const hole = ({ codes }) => {
  let best = { z: [0, 0], distance: -1 };
  codes.forEach((a, i) => {
    const b = codes[(i * 37 + 11) % codes.length];
    const z = [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];
    const d = nearest(codes, z).distance;
    if (d > best.distance) best = { z, distance: d };
  });
  return best.z;
};

/** Draws from N(0, I), or from the Gaussian with the mean and covariance of the codes, by the same normal numbers. */
const sample = (net, draws, law) => {
  const { normal } = rng(1000 + draws);
  const eps = draws ? Array.from({ length: DRAWN }, () => [normal(), normal()]) : [];
  if (law === "standard") return eps;
  const { mean, chol } = net;
  return eps.map(([a, b]) => [mean[0] + chol[0] * a, mean[1] + chol[1] * a + chol[2] * b]);
};
/** Mean and Cholesky factor [l11, l21, l22] of the covariance of points. */
const moments = (points) => {
  const average = (f) => points.reduce((sum, p) => sum + f(p), 0) / points.length;
  const mean = [average((p) => p[0]), average((p) => p[1])];
  const cov = (i, j) => average((p) => (p[i] - mean[i]) * (p[j] - mean[j]));
  const l11 = Math.sqrt(cov(0, 0));
  const l21 = cov(0, 1) / l11;
  return { mean, chol: [l11, l21, Math.sqrt(Math.max(0, cov(1, 1) - l21 ** 2))] };
};

/** Draws with their pictures and where they land; kept until other ones are asked for. */
const sampled = (net, draws, law) => {
  if (net.kept?.draws !== draws || net.kept.law !== law) {
    const points = sample(net, draws, law);
    const close = (from, to) => from.filter((a) => nearest(to, a).distance <= net.reach).length;
    const seen = {
      points, inside: close(points, net.codes), covered: close(net.codes, points) / net.codes.length,
      images: points.slice(0, SHOWN).map((z) => [...decode(net, z)]),
    };
    net.kept = { draws, law, seen };
  }
  return net.kept.seen;
};

/** What an encoder gives for a test digit: the code itself, or a draw from N(mean, std²). */
const encode = (net, digit, redraw) => {
  const i = digit % net.codes.length;
  const { normal } = rng(digit * 101 + redraw);
  return net.stds ? net.codes[i].map((m, a) => m + net.stds[i][a] * normal()) : [...net.codes[i]];
};

/**
 * Every number that is shown. inside: draws within `reach` of a code; covered: share of the codes within `reach` of a draw.
 * `reach` is what 95 % of the codes have a neighbour within.
 */
export function compute(now) {
  const nets = models(now._own);
  const about = (name) => {
    const net = nets[name];
    const z = now[`${name}_point`];
    const near = nearest(net.codes, z);
    return {
      image: [...decode(net, z)], distance: near.distance, reach: net.reach, label: net.labels[near.index], ...sampled(net, now.draws, now.law),
      encoded: now.digit < 0 ? null : { mean: net.codes[now.digit % net.codes.length], std: net.stds?.[now.digit % net.codes.length] ?? [0, 0] },
    };
  };
  return { ae: about("ae"), vae: about("vae") };
}

const a = (label) => `${label === 8 ? "an" : "a"} ${label}`;
const whereabouts = ({ distance: d, reach, label }) =>
  d <= reach
    ? `among the codes, next to ${a(label)}`
    : d <= 3 * reach
      ? `at the edge of the codes, ${fmt(d / reach, 1)} times the usual gap from ${a(label)}`
      : `in a hole, ${fmt(d / reach, 0)} times the usual gap from any code`;
const words = (now, shown) => {
  const points = `The autoencoder's point is ${whereabouts(shown.ae)}; the VAE's is ${whereabouts(shown.vae)}.`;
  if (!now.draws) return points;
  const from = now.law === "standard" ? "N(0, I)" : "the Gaussian fitted to its codes";
  const landed = ({ inside, covered }) => `${inside} land among codes and reach ${fmt(100 * covered, 0)} % of them`;
  return `${DRAWN} draws from ${from}. Autoencoder: ${landed(shown.ae)}. VAE: ${landed(shown.vae)}. ${points}`;
};

// ---- picture ----------------------------------------------------------------------------------------------------

const COLORS = [12, 48, 84, 120, 156, 192, 228, 264, 300, 336].map((hue) => `color-mix(in oklab, hsl(${hue} 75% 45%) 72%, var(--ink))`);

/** One map with its decoded pictures. `onMove(z)` when the point is moved. */
const panel = (name, onMove, onHover) => {
  let net = null;
  let drawn = {};
  const view = plot({
    x: [-1, 1], y: [-1, 1], height: 300, title: `Latent map of the ${TITLES[name]}`, xLabel: "z₁", xTicks: 5, yTicks: 5,
    margin: { left: 34, right: 6, top: 6 }, redraw: () => arrange(),
  });
  const tiles = s("image", { preserveAspectRatio: "none" });
  const cloud = s("g", { "aria-hidden": "true" });
  const marks = s("g", { "aria-hidden": "true" });
  const ring = s("ellipse", { fill: "none", stroke: "var(--ink)", "stroke-width": 1.5, "stroke-dasharray": "4 3" });
  const ellipse = s("ellipse", { fill: "var(--q)", "fill-opacity": 0.25, stroke: "var(--q)", "stroke-width": 2 });
  const handle = view.point({
    label: `Point on the map of the ${TITLES[name]}: arrow keys move it`, color: "var(--accent)", anywhere: true, onMove,
    step: () => net.radius / 40, valueText: () => drawn.said,
  });
  const clip = `gt-clip-${name}-${Math.random().toString(36).slice(2, 8)}`;
  const frame = s("rect", { fill: "transparent" });
  view.svg.append(s("clipPath", { id: clip }, s("rect", {})), s("g", { "clip-path": `url(#${clip})` }, frame, tiles, cloud, ring, marks, ellipse), handle.node);

  view.svg.addEventListener("pointermove", (event) => {
    if (event.pointerType !== "mouse" || view.svg.hasPointerCapture(event.pointerId)) return;
    const [a, b] = view.locate(event);
    onHover([view.clamp(a, view.x), view.clamp(b, view.y)]);
  });
  view.svg.addEventListener("pointerleave", () => onHover(null));

  const big = inkCanvas("width:92px;height:92px;background:#fbfaf6");
  const strip = inkCanvas("width:100%;max-width:230px;background:#fbfaf6");
  const count = h("p", { style: "font-size:.88em;margin:0" });
  const el = h(
    "section",
    { style: "flex:1 1 250px;min-width:0" },
    h("p", { style: "font-weight:650;margin:0 0 .2rem" }, TITLES[name]),
    view.el,
    h("div", { style: "display:flex;gap:.7rem;align-items:flex-start;margin-top:.4rem" },
      h("div", { style: "flex:0 0 auto" }, big, h("p", { style: "font-size:.88em;margin:0" }, "at the point")),
      h("div", { style: "flex:1 1 auto;min-width:0" }, strip, count)),
  );

  const ellipseTo = (node, [x, y], [a, b]) =>
    set(node, { cx: view.X(x), cy: view.Y(y), rx: Math.abs(view.X(a) - view.X(0)), ry: Math.abs(view.Y(b) - view.Y(0)) });
  /** Everything that moves with the width of the picture. */
  function arrange() {
    if (!net) return;
    [view.x, view.y] = net.center.map((middle) => [middle - net.radius, middle + net.radius]);
    view.square();
    view.svg.querySelector(".gt-axes").append(s("text", { x: 4, y: view.margin.top + 12 }, "z₂"));
    for (const rect of [view.svg.querySelector("clipPath rect"), frame]) set(rect, view.inside());
    const glyphs = net.codes.slice(0, DRAWN_CODES).map(([p, q], i) =>
      s("text", { x: view.X(p).toFixed(1), y: (view.Y(q) + 4).toFixed(1), "text-anchor": "middle", style: `font-size:11.2px;fill:${COLORS[net.labels[i]]}` }, net.labels[i]));
    cloud.replaceChildren(...glyphs);
    drawn.tiled = false;
    if (drawn.z) place();
  }
  /** The pictures that a grid of points decodes to. */
  const tile = () => {
    const inside = view.inside();
    const columns = Math.max(6, Math.round((12 * inside.width) / inside.height));
    const images = Array.from({ length: 12 * columns }, (_, n) =>
      decode(net, [
        view.x[0] + (((n % columns) + 0.5) / columns) * (view.x[1] - view.x[0]),
        view.y[1] - ((Math.floor(n / columns) + 0.5) / 12) * (view.y[1] - view.y[0]),
      ]));
    const canvas = document.createElement("canvas");
    paintInk(canvas, images, { columns, gap: 0 });
    set(tiles, { ...inside, href: canvas.toDataURL() });
    drawn.tiled = true;
  };
  function place() {
    const { z, encoded, draws, show } = drawn;
    const tiled = show === "pictures";
    if (tiled && !drawn.tiled) tile();
    tiles.style.display = tiled ? "" : "none";
    cloud.style.display = tiled ? "none" : "";
    ring.style.stroke = tiled ? "#b8480e" : "";
    ellipseTo(ring, [0, 0], [2, 2]);
    ellipse.style.display = encoded && encoded.std[0] ? "" : "none";
    if (encoded) ellipseTo(ellipse, encoded.mean, encoded.std.map((v) => 2 * v));
    marks.replaceChildren(...draws.map(([a, b]) => {
      const [x, y] = [view.X(a), view.Y(b)];
      return s("path", { d: `M${x - 2.5},${y - 2.5}l5,5m0,-5l-5,5`, stroke: tiled ? "#b8480e" : "var(--ink)", "stroke-width": 1.2 });
    }));
    handle.to(...z);
  }
  return {
    el,
    stop: view.stop,
    hover: (z) => paintInk(big, [z ? decode(net, z) : drawn.image]),
    show: (now, shown, use) => {
      const about = shown[name];
      const draws = about.points;
      const z = now[`${name}_point`];
      drawn = {
        tiled: drawn.tiled, z, encoded: about.encoded, draws, show: now.show, image: about.image,
        said: `z = (${fmt(z[0], 2)}, ${fmt(z[1], 2)}), ${whereabouts(about)}`,
      };
      if (net !== use) {
        net = use;
        arrange();
      } else place();
      paintInk(big, [about.image]);
      set(big, { "aria-label": `${TITLES[name]}: the picture decoded at the point, ${whereabouts(about)}.` });
      strip.style.display = draws.length ? "" : "none";
      if (draws.length) paintInk(strip, about.images, { columns: 6 });
      set(strip, { "aria-label": `${TITLES[name]}: ${SHOWN} pictures decoded from the draws; ${about.inside} of ${DRAWN} land among the codes and reach ${fmt(100 * about.covered, 0)} % of them.` });
      count.textContent = draws.length ? `× ${about.inside} of ${DRAWN} draws among codes, ${fmt(100 * about.covered, 0)} % of the codes reached` : "";
    },
  };
};

export function render({ model, el }) {
  const now = () => state(model, NAMES);
  const say = sentence();
  const panels = Object.fromEntries(["ae", "vae"].map((name) => [
    name, panel(name, (z) => change(model, { [`${name}_point`]: z }), (z) => panels[name].hover(z)),
  ]));
  const points = (digit, redraw) => {
    const nets = models(model.get("_own"));
    change(model, { digit, redraw, ae_point: encode(nets.ae, digit, redraw), vae_point: encode(nets.vae, digit, redraw) });
  };
  const show = choice({
    label: "Show", wide: true, options: { codes: "the codes of 400 test digits", pictures: "what each point decodes to" },
    value: model.get("show"), onChange: (value) => change(model, { show: value }),
  });
  const law = choice({
    label: "Sample from", wide: true, options: { standard: "N(0, I)", fitted: "a Gaussian fitted to the codes" },
    value: model.get("law"), onChange: (value) => change(model, { law: value, draws: Math.max(1, model.get("draws")) }),
  });
  const actions = buttons("Try", {
    "Sample again": () => change(model, { draws: model.get("draws") + 1 }),
    "Encode a digit": () => points(model.get("digit") + 1, 0),
    "Encode it again": () => points(Math.max(0, model.get("digit")), model.get("redraw") + 1),
  });
  const presets = buttons("Show me", {
    "A hole in each": () => {
      const nets = models(model.get("_own"));
      change(model, { ae_point: hole(nets.ae), vae_point: hole(nets.vae), show: "codes", draws: 0, digit: -1 });
    },
    "Far outside": () => {
      const nets = models(model.get("_own"));
      const corner = ({ center, radius }) => center.map((v) => v + 0.97 * radius);
      change(model, { ae_point: corner(nets.ae), vae_point: corner(nets.vae), digit: -1 });
    },
    "Blind samples": () => change(model, { show: "codes", draws: 1, law: "standard", digit: -1 }),
    "Two-step samples": () => change(model, { show: "codes", draws: 1, law: "fitted", digit: -1 }),
  });
  const update = () => {
    const at = now();
    const nets = models(at._own);
    const shown = compute(at);
    for (const [name, one] of Object.entries(panels)) one.show(at, shown, nets[name]);
    show.set(at.show);
    law.set(at.law);
    say.say(words(at, shown));
  };
  el.append(
    presets, say.el,
    h("div", { style: "display:flex;flex-wrap:wrap;gap:.8rem 1.2rem" }, panels.ae.el, panels.vae.el),
    h("p", { style: "font-size:.88em;color:var(--ink-soft)" }, "Each numeral stands at the code of a test digit. Dashed: where 86 % of N(0, I) lies. Shaded ellipse: where the VAE's encoder puts one digit."),
    h("div", { class: "gt-controls" }, law.el, show.el), actions,
  );
  update();
  const unwatch = watch(model, NAMES, update);
  return () => {
    unwatch();
    panels.ae.stop();
    panels.vae.stop();
  };
}

export default { render };
