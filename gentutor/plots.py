"""One figure style for the book: arrays in, Axes out.

Figures stand on an opaque paper of their own, so they read the same on a light and on a dark page. Colours are told
apart by readers with any colour vision, and each line also differs by its dashes.
"""

import math

import matplotlib.pyplot as plt
import numpy as np
from cycler import cycler

PAPER, INK, SOFT, EDGE = "#fbfaf6", "#1f2430", "#5a6172", "#d9d5cb"
P_COLOR, Q_COLOR, THIRD, FOURTH = "#0b6e8a", "#b8480e", "#6a4fb3", "#8a6d00"
COLORS = (P_COLOR, Q_COLOR, THIRD, FOURTH)
DASHES = ("-", (0, (6, 2)), (0, (2, 1.5)), (0, (6, 2, 1.5, 2)))
STYLE = {
    "figure.facecolor": PAPER, "axes.facecolor": PAPER, "savefig.facecolor": PAPER,
    "figure.figsize": (7, 3.4), "figure.dpi": 110, "figure.constrained_layout.use": True,
    "font.size": 10.5, "axes.titlesize": 11.5, "axes.titlelocation": "left", "axes.titleweight": "bold",
    "text.color": INK, "axes.labelcolor": INK, "xtick.color": SOFT, "ytick.color": SOFT, "axes.edgecolor": SOFT,
    "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True, "grid.color": EDGE, "grid.linewidth": 0.7,
    "axes.axisbelow": True, "lines.linewidth": 2, "legend.frameon": False, "image.cmap": "cividis",
    "axes.prop_cycle": cycler(color=COLORS) + cycler(linestyle=DASHES), "svg.hashsalt": "gentutor",
}


def use_style():
    """Make the book's style the style of this session; a lab calls it once."""
    plt.rcParams.update(STYLE)


def style():
    """The same inside a `with` block."""
    return plt.rc_context(STYLE)


def array(x):
    """A NumPy array of a tensor on any device, an array or a list."""
    return x.detach().cpu().numpy() if hasattr(x, "detach") else np.asarray(x)


def density(ax, x, y, *, label=None, color=P_COLOR, fill=True, dash="-"):
    """Draw a density y (N,) over x (N,), filled lightly down to zero."""
    x, y = array(x), array(y)
    ax.plot(x, y, color=color, label=label, linestyle=dash)
    if fill:
        ax.fill_between(x, y, color=color, alpha=0.14, linewidth=0)
    ax.set_ylim(bottom=0)
    return ax


def image_grid(images, *, ncols=10, titles=None, limits=None, cmap="gray_r", scale=0.72):
    """Show images (N, H, W) or (N, H*W with square images) in rows of `ncols`, all on one grey scale.

    limits: (low, high) of the scale, the range of the images by default. Returns the array of Axes.
    """
    images = array(images)
    if images.ndim == 2:
        side = math.isqrt(images.shape[1])
        images = images.reshape(-1, side, side)
    if images.ndim != 3 or not len(images):
        raise ValueError(f"images: expected shape (N, H, W) or (N, H*W) with N > 0, got {images.shape}")
    low, high = limits or (images.min(), images.max())
    nrows = math.ceil(len(images) / ncols)
    height = scale * (1.28 if titles is not None else 1)
    fig, axes = plt.subplots(nrows, ncols, figsize=(scale * ncols, height * nrows), squeeze=False)
    for ax in axes.flat:
        ax.axis("off")
    for i, (ax, image) in enumerate(zip(axes.flat, images)):
        ax.imshow(image, cmap=cmap, vmin=low, vmax=high, interpolation="nearest")
        if titles is not None:
            ax.set_title(str(titles[i]), fontsize=9, loc="center", weight="normal", pad=2)
    return axes


def heatmap(ax, values, *, xlabel="", ylabel="", fmt="{:.0f}", cmap="cividis"):
    """Draw a small matrix (R, C) with each value written in its cell."""
    values = array(values)
    ax.imshow(values, cmap=cmap, aspect="auto")
    ax.grid(False)
    middle = (values.min() + values.max()) / 2
    for (i, j), v in np.ndenumerate(values):
        ax.text(j, i, fmt.format(v), ha="center", va="center", fontsize=8.5, color="white" if v < middle else "black")
    ax.set(xlabel=xlabel, ylabel=ylabel, xticks=range(values.shape[1]), yticks=range(values.shape[0]))
    return ax
