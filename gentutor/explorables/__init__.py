"""Explorables: small interactive pictures that run the same ES module in a live notebook and on a static page.

An explorable is a class here and a module `<name>.js` beside it; `core.js` is what the modules share and is inlined
when a module is served. NumPy and anywidget only, never torch. Its whole state is in traits.
"""

import base64
import html
import importlib
import json
import math
import re
from pathlib import Path

import anywidget
import traitlets

HERE = Path(__file__).parent
CLASSES = {"AutoencoderMaps": "autoencoder_maps", "BayesOdds": "bayes_odds", "ComparisonTable": "comparison_table", "DdpmForward": "ddpm_forward",
           "DdpmReverse": "ddpm_reverse", "ElboGap": "elbo_gap", "EvaluationPlayground": "evaluation_playground", "GanGame": "gan_game",
           "GanOptimal": "gan_optimal", "GanSaturation": "gan_saturation", "GuidanceFilm": "guidance_film", "IntroViews": "intro_views",
           "KLRows": "kl_rows", "VAEInterpolation": "vae_interpolation"}
IMPORT = re.compile(r"^import\s*\{[^}]*\}\s*from\s*\"\./core\.js\";\n", re.M)
PACKAGED = re.compile(r'packaged\("(\w+)"\)')
DEFAULT = "export default { render };"
# JupyterLab resets the classes of the element it hands over, so the explorable stands in one of its own.
STYLED = """export default {
  render: ({ model, el }) => {
    const stage = h("div", { class: "gt-explorable" });
    el.append(stage);
    return render({ model, el: stage });
  },
};"""


def __getattr__(name):
    if name in CLASSES:
        return getattr(importlib.import_module(f"{__name__}.{CLASSES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def by_module(module):
    """The class of the explorable whose files are called `module`. ValueError names the ones there are."""
    for name, stem in CLASSES.items():
        if stem == module:
            return __getattr__(name)
    raise ValueError(f"explorable: expected one of {sorted(CLASSES.values())}, got {module!r}")


def packaged(name):
    """A packaged model as `gentutor.weights.for_page` gives it, {tensor: {"shape", "f16"}}, read without torch."""
    data = (HERE.parent / "_weights" / f"{name}.safetensors").read_bytes()
    start = 8 + int.from_bytes(data[:8], "little")
    entries = {key: entry for key, entry in json.loads(data[8:start]).items() if key != "__metadata__"}
    if any(entry["dtype"] != "F16" for entry in entries.values()):
        raise ValueError(f"{name}: expected a model stored at 16 bits a weight")
    return {key: {"shape": entry["shape"], "f16": base64.b64encode(data[start:][slice(*entry["data_offsets"])]).decode()}
            for key, entry in sorted(entries.items())}  # fmt: skip


def source(module):
    """The ES module with core.js inlined, and each `packaged("name")` replaced by that model: the text that anywidget serves."""
    own = (HERE / f"{module}.js").read_text(encoding="utf-8")
    if not IMPORT.search(own) or DEFAULT not in own:
        raise ValueError(f"{module}.js: expected one import from ./core.js and the line {DEFAULT!r}")
    core = (HERE / "core.js").read_text(encoding="utf-8").replace("export const", "const")
    # anywidget would take a `render` that is exported by name before the default export.
    own = PACKAGED.sub(lambda found: json.dumps(packaged(found.group(1))), own)
    return core + IMPORT.sub("", own).replace("export function render", "function render").replace(DEFAULT, STYLED)


def page_script(module):
    """The same module as a classic script that mounts itself: classic, because a page opened from a file may not
    load modules."""
    body = source(module).replace("export function", "function").replace("export const", "const")
    static = (HERE / "static.js").read_text(encoding="utf-8")
    return f'"use strict";\n(() => {{\n{body.replace(STYLED, "")}\n{static}\nmountAll("{module}", {{ render }});\n}})();\n'


def between(name, value, low, high):
    """`value`, or TraitError unless it is a number in [low, high]."""
    if not low <= value <= high:
        raise traitlets.TraitError(f"{name}: expected a number in [{low}, {high}], got {value}")
    return value


def mixture_rows(name, rows, most):
    """A mixture of Gaussians as 1 to `most` rows [weight, mean, std] of floats, means in [-5, 5] and stds in [0.3, 3]. TraitError for others."""
    shaped = 1 <= len(rows) <= most and all(isinstance(r, (list, tuple)) and len(r) == 3 for r in rows)
    if not shaped or not all(isinstance(v, (int, float)) and math.isfinite(v) for r in rows for v in r):
        raise traitlets.TraitError(f"{name}: expected 1 to {most} rows [weight, mean, std] of finite numbers, got {rows}")
    weights = [row[0] for row in rows]
    if min(weights) < 0 or abs(sum(weights) - 1) > 1e-6:
        raise traitlets.TraitError(f"{name}: expected weights >= 0 that sum to 1, got {weights}")
    for _, mean, std in rows:
        between(f"{name}: mean", mean, -5, 5)
        between(f"{name}: std", std, 0.3, 3)
    return [list(map(float, row)) for row in rows]


class Explorable(anywidget.AnyWidget):
    """Base class. A subclass gives `module` (its files' name), `title`, `alt` (what its still picture shows) and traits."""

    module = title = alt = ""

    def __init_subclass__(cls, **kwargs):
        if "module" in vars(cls):  # not for the subclass that add_traits makes
            cls._esm = source(cls.module)
            cls._css = (HERE / "explorable.css").read_text(encoding="utf-8")
        super().__init_subclass__(**kwargs)

    def state(self):
        """The traits that the module sees, as a plain dictionary."""
        ours = set(self.trait_names(sync=True)) - set(anywidget.AnyWidget.class_trait_names())
        return {name: getattr(self, name) for name in sorted(ours) if not name.startswith("_")}

    def page_html(self, still=""):
        """What a static page holds: the state, and a picture or a sentence until the module takes its place."""
        data = json.dumps(self.state(), sort_keys=True).replace("</", "<\\/")
        picture = f'<img class="gt-still" src="{html.escape(still)}" alt="{html.escape(self.alt)}">' if still else f'<p class="gt-still">{html.escape(self.alt)}</p>'
        return (
            f'<div class="gt-explorable" data-explorable="{self.module}" role="group" aria-label="{html.escape(self.title)}">'
            f'<script type="application/json">{data}</script>{picture}</div>'
        )

    def __repr__(self):
        return f"{type(self).__name__}()"

    def _repr_mimebundle_(self, **kwargs):
        bundle = super()._repr_mimebundle_(**kwargs)
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
        return {**data, "text/plain": repr(self), "text/html": self.page_html()}, metadata
