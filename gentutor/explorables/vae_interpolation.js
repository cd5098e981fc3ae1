import {
  buttons, change, choice, fmt, grid, h, halves, inkCanvas, linearLayers, mlp, paintInk, sentence, set, sigmoid, slider, state, watch,
} from "./core.js";

const MODEL = packaged("vae_interpolation");
const NAMES = ["left", "right", "t", "_own"];
const FRAMES = 9;
const ROWS = {
  pixels: { name: "Pixels mixed", note: "(1 − t) x₁ + t x₂" },
  ae: { name: "Autoencoder, straight", note: "decoded from (1 − t) z₁ + t z₂" },
  line: { name: "VAE, straight", note: "decoded from (1 − t) z₁ + t z₂" },
  arc: { name: "VAE, spherical", note: "decoded from the arc from z₁ to z₂" },
};

// ---- the models -------------------------------------------------------------------------------------------------

const rows = ({ shape, ...data }) => {
  const numbers = halves(data);
  const width = numbers.length / shape[0];
  return Array.from({ length: shape[0] }, (_, i) => [...numbers.slice(i * width, (i + 1) * width)]);
};
const build = (tensors) => ({
  images: rows(tensors.images).map((image) => image.map((v) => v / 255)),
  labels: [...halves(tensors.labels)],
  ...Object.fromEntries(
    ["ae", "vae"].filter((name) => `${name}.codes` in tensors)
      .map((name) => [name, { layers: linearLayers(tensors, `${name}.`), codes: rows(tensors[`${name}.codes`]) }]),
  ),
});
let built = { own: undefined, models: null };
const models = (own) => {
  if (!built.models || built.own !== own) built = { own, models: build(Object.keys(own ?? {}).length ? own : MODEL) };
  return built.models;
};

// ---- paths ------------------------------------------------------------------------------------------------------

const norm = (a) => Math.hypot(...a);
const lerp = (a, b, t) => a.map((v, i) => (1 - t) * v + t * b[i]);
/** sin((1 − t) w)/sin(w) a + sin(t w)/sin(w) b, w the angle between a and b; the straight path where no arc is singled out. */
const slerp = (a, b, t) => {
  const cosine = a.reduce((sum, v, i) => sum + v * b[i], 0) / (norm(a) * norm(b));
  const w = Math.acos(Math.min(1, Math.max(-1, cosine)));
  if (!(w > 1e-4 && w < Math.PI - 1e-3)) return lerp(a, b, t);
  return a.map((v, i) => (Math.sin((1 - t) * w) * v + Math.sin(t * w) * b[i]) / Math.sin(w));
};
const decode = (net, z) => [...mlp(net.layers, z).map(sigmoid)];

/** Of the ink in a picture, the share in pixels that are neither dark nor light: between 1/4 and 3/4. */
const greyShare = (image) => {
  const total = image.reduce((sum, v) => sum + v, 0);
  return total ? image.reduce((sum, v) => sum + (v > 0.25 && v < 0.75 ? v : 0), 0) / total : 0;
};

/** What a row shows at t: the picture, the length of its code (pixels have none) and the grey share of its ink. */
const at = (row, { images, ae, vae }, left, right, t) => {
  const net = row === "ae" ? ae : vae;
  const z = row === "pixels" ? null : (row === "arc" ? slerp : lerp)(net.codes[left], net.codes[right], t);
  const image = z ? decode(net, z) : lerp(images[left], images[right], t);
  return { image, length: z ? norm(z) : null, grey: greyShare(image) };
};

const pair = (now, { labels }) => [now.left % labels.length, now.right % labels.length];
const present = (nets) => Object.keys(ROWS).filter((row) => row !== "ae" || nets.ae);

/** Every number that is shown, by row. */
export function compute(now) {
  const nets = models(now._own);
  return Object.fromEntries(present(nets).map((row) => [row, at(row, nets, ...pair(now, nets), now.t)]));
}

const percent = (share) => `${Math.round(100 * share)} %`;
const words = (now, nets, shown) => {
  const [left, right] = pair(now, nets);
  if (left === right) return "Both ends are the same digit: there is nowhere to go. Choose another one.";
  const ends = [left, right].map((i) => fmt(norm(nets.vae.codes[i]), 1));
  const where = now.t === 0.5 ? "Half-way" : `${percent(now.t)} of the way`;
  return `${where} from a ${nets.labels[left]} to a ${nets.labels[right]}: of the mixed pixels' ink ${percent(shown.pixels.grey)} is grey, of the VAE's ` +
    `${percent(shown.line.grey)} on the straight path and ${percent(shown.arc.grey)} on the arc. The ends have VAE codes of length ${ends[0]} and ${ends[1]}; ` +
    `here the straight path has ${fmt(shown.line.length, 1)}, the arc ${fmt(shown.arc.length, 1)}.`;
};

// ---- picture ------------------------------------------------------------------------------------------------------

const strip = (row) => {
  const { name, note } = ROWS[row];
  const number = h("span", { class: "gt-value", style: "margin-left: auto" });
  const film = inkCanvas("display: block; width: 100%");
  const here = inkCanvas("flex: 0 0 auto; width: 62px; height: 62px");
  const mark = h("div", { "aria-hidden": "true", style: "position: absolute; top: 0; bottom: 0; width: 2px; background: var(--accent)" });
  const el = h(
    "div",
    { style: "margin-top: .55rem" },
    h("div", { style: "display: flex; flex-wrap: wrap; gap: 0 .6rem; align-items: baseline" },
      h("span", { style: "font-weight: 650" }, name), h("span", { style: "color: var(--ink-soft); font-size: .87em" }, note), number),
    h("div", { style: "display: flex; gap: .6rem; align-items: center" }, h("div", { style: "position: relative; flex: 1 1 auto; min-width: 0" }, film, mark), here),
  );
  return {
    el,
    /** The whole film; costs one decoding a frame, so only when an end has changed. */
    film: (images, labels) => {
      paintInk(film, images);
      set(film, { "aria-label": `${name}: ${FRAMES} pictures from a ${labels[0]} to a ${labels[1]}.` });
    },
    show: ({ image, length, grey }, t) => {
      paintInk(here, [image]);
      set(here, { "aria-label": `${name}: the picture at t = ${fmt(t, 2)}, ${percent(grey)} of its ink grey.` });
      number.textContent = `${length === null ? "" : `|z| = ${fmt(length, 2)} · `}grey ${percent(grey)}`;
      mark.style.left = `calc(${(100 * (0.5 + t * (FRAMES - 1))) / FRAMES}% - 1px)`;
    },
  };
};

export function render({ model, el }) {
  const now = () => state(model, NAMES);
  const nth = ({ labels }, i) => labels.slice(0, i + 1).filter((label) => label === labels[i]).length;
  const options = () => {
    const nets = models(model.get("_own"));
    return Object.fromEntries(nets.labels.map((label, i) => [i, `a ${label}, no. ${nth(nets, i)}`]));
  };
  const end = (label, name) => choice({ label, options: options(), value: model.get(name), onChange: (v) => change(model, { [name]: Number(v) }) });
  const ends = { left: end("From", "left"), right: end("to", "right") };
  const far = slider({ label: "How far, t", min: 0, max: 1, step: 0.01, value: model.get("t"), onInput: (v) => change(model, { t: v }) });
  const say = sentence();
  const strips = Object.fromEntries(present(models(model.get("_own"))).map((row) => [row, strip(row)]));
  const go = (a, b) => () => {
    const { labels } = models(model.get("_own"));
    const first = (digit, not) => labels.findIndex((label, i) => label === digit && i !== not);
    const left = first(a, -1);
    const right = first(b, left);
    if (left >= 0 && right >= 0) change(model, { left, right, t: 0.5 });
  };
  const presets = buttons("Show me", { "7 to 3": go(7, 3), "4 to 9": go(4, 9), "0 to 1": go(0, 1), "a 2 to another 2": go(2, 2) });
  let filmed = "";

  const update = () => {
    const present_ = now();
    const nets = models(present_._own);
    const [left, right] = pair(present_, nets);
    const shown = compute(present_);
    if (filmed !== `${left} ${right}`) {
      filmed = `${left} ${right}`;
      for (const [row, one] of Object.entries(strips))
        one.film(grid(0, 1, FRAMES - 1).map((t) => at(row, nets, left, right, t).image), [nets.labels[left], nets.labels[right]]);
    }
    for (const [row, one] of Object.entries(strips)) one.show(shown[row], present_.t);
    ends.left.set(left);
    ends.right.set(right);
    far.set(present_.t);
    say.say(words(present_, nets, shown));
  };
  el.replaceChildren(
    presets, say.el, ...Object.values(strips).map((one) => one.el),
    h("div", { class: "gt-controls" }, far.el, ends.left.el, ends.right.el),
    h("p", { style: "font-size: .88em; color: var(--ink-soft)" }, "Grey: the share of a picture's ink that lies in pixels neither dark nor light, between 1/4 and 3/4."),
  );
  update();
  return watch(model, NAMES, update);
}

export default { render };
