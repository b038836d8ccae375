r"""Figures that a lesson makes with one call: shown, explored, animated.

>>> fig, ax = plt.subplots()
>>> contours(ax, himmelblau)
>>> show(fig, caption="Four minima of equal depth.", alt="Contours of Himmelblau's function: four valleys.")

>>> def descent(rate):
...     path = gradient_descent(himmelblau, start=(0, 0), rate=rate)
...     return {"paths": [{"points": path, "label": "descent", "markers": True}],
...             "points": [{"xy": (3, 2), "label": "minimum", "color": "error"}],
...             "text": f"Step size {rate:.3g}: the loss ends at {himmelblau(path[-1]):.2e}."}
>>> explore(descent, caption="...", alt="...", background=himmelblau, xlabel="x", ylabel="y",
...         rate=Slider(np.linspace(0.001, 0.02, 20), start=0.01, label="step size"))

>>> animate({"plain": path, "momentum": other_path}, caption="...", alt="...", background=himmelblau)

Every call emits one output. Its HTML holds the picture with caption and alternative text, and, for moving
figures, all that they need to move in a stored page without a kernel; `image/png` is a still of the same
scene. `explore` adds a live widget if ipywidgets and anywidget are there: then the kernel computes.
"""

import base64
import html
import io
import itertools
import json
import math
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from IPython.display import display
from matplotlib import patheffects
from matplotlib import pyplot as plt
from matplotlib.colors import BoundaryNorm, LinearSegmentedColormap, to_hex
from matplotlib.figure import Figure
from PIL import Image

from downhill.markup import CSS, element_id, rich_text

try:
    import anywidget
    import ipywidgets
    import traitlets
except ImportError:  # a bare viewer: the HTML version serves
    anywidget = None

__all__ = ["COLORS", "Slider", "animate", "contours", "explore", "show", "surface3d"]

COLORS = {"primary": "#0173b2", "secondary": "#de8f05", "tertiary": "#029e73",
          "error": "#d55e00", "neutral": "#949494", "highlight": "#cc78bc"}  # fmt: skip
HILLS = LinearSegmentedColormap.from_list("hills", ["#fbfcfd", "#c9d6de", "#8da7b8"])

UNITS = 4096  # the canvas' grid along each axis
MAX_SCENES, MAX_TABLE_BYTES, MAX_PNG_BYTES = 600, 300_000, 65_000
_ORDER = ("primary", "secondary", "tertiary", "error", "highlight", "neutral")
_DASHES = ("-", (0, (4, 2)), (0, (1, 1.5)), (0, (4, 1.5, 1, 1.5)))
_CANVAS, _WIDGET = (Path(__file__).with_name(name).read_text(encoding="utf-8") for name in ("canvas.js", "widget.js"))
# In a stored page: without comments and indents.
_PLAIN_CANVAS = "".join(line.lstrip(" ") for line in _CANVAS.splitlines(True) if not line.startswith("//"))


@dataclass(frozen=True)
class Slider:
    """Positions of a slider, where it starts, and its label (its keyword in `explore` if not given).

    Parameters
    ----------
    values : sequence of numbers or of strings
        At least one, in the order in which the slider visits them.
    start : number or str, optional
        The initial value (of numbers, the nearest is taken); by default the middle one.
    label : str, optional
        Plain text, such as ``"step size η"``.
    """

    values: object
    start: object = None
    label: str = ""

    def positions(self):
        """Return the values as a list of plain Python objects and the index of the initial one."""
        if np.ndim(self.values) != 1 or not len(self.values):
            raise ValueError(f"a slider needs a non-empty sequence of values, got {self.values!r}")
        values = [v.item() if hasattr(v, "item") else v for v in self.values]
        if self.start is None:
            return values, len(values) // 2
        if self.start in values:
            return values, values.index(self.start)
        words = any(isinstance(v, str) for v in (*values, self.start))
        if words or not min(values) <= self.start <= max(values):
            raise ValueError(f"the initial value {self.start!r} is not among the slider's values")
        return values, int(np.argmin(np.abs(np.asarray(values) - self.start)))


@dataclass(frozen=True)
class _View:
    """The axes of a moving figure: limits, scales, labels, and the background as (X, Y, Z)."""

    xlim: tuple
    ylim: tuple
    xscale: str
    yscale: str
    xlabel: str
    ylabel: str
    background: tuple | None

    @property
    def ratio(self):
        """Height / width of the axes: true to scale over a background, within reason."""
        if self.background is None:
            return 0.56
        return float(np.clip(abs(np.subtract(*self.ylim) / np.subtract(*self.xlim)), 0.4, 1.0))

    @property
    def width(self):
        """Width of the axes in CSS pixels, such that the picture fits on a laptop's screen."""
        return min(600.0, 430 / self.ratio)

    def fractions(self, points):
        """Map (n, 2) points to the axes, 0 … 1; not finite where a log scale has no place for them."""
        columns = []
        for values, limits, scale in zip(
            np.transpose(points), (self.xlim, self.ylim), (self.xscale, self.yscale), strict=True
        ):
            with np.errstate(all="ignore"):
                warp = np.log10 if scale == "log" else np.asarray
                low, high = warp(np.asarray(limits, float))
                columns.append((warp(values) - low) / (high - low))
        return np.stack(columns, axis=-1)

    def dress(self, ax):
        """Give Matplotlib axes these limits, scales and labels."""
        ax.set(xscale=self.xscale, yscale=self.yscale, xlim=self.xlim, ylim=self.ylim)
        ax.set(xlabel=self.xlabel, ylabel=self.ylabel)
        ax.grid(False)
        for axis, scale in ((ax.xaxis, self.xscale), (ax.yaxis, self.yscale)):
            if scale == "linear":
                axis.get_major_formatter().set_useOffset(False)
                axis.get_major_formatter().set_scientific(False)

    def for_canvas(self, ax):
        """Return what canvas.js needs to draw the axes `ax`, which wear this view."""
        ticks = {}
        for name, axis, limits in (("x", ax.xaxis, self.xlim), ("y", ax.yaxis, self.ylim)):
            places = [t for t in axis.get_majorticklocs() if min(limits) <= t <= max(limits)]
            labels = axis.get_major_formatter().format_ticks(places)
            if len(places) < 2:  # less than a decade on a log axis
                places, labels = limits, [f"{limit:.3g}" for limit in limits]
            at = UNITS * self.fractions(np.column_stack([places, places]))[:, "xy".index(name)]
            ticks[f"{name}ticks"] = [[round(a), _plain(label)] for a, label in zip(at, labels, strict=True)]
        return {"xlabel": _plain(self.xlabel), "ylabel": _plain(self.ylabel), "ratio": round(self.ratio, 4),
                "width": round(self.width) + 70, **ticks}  # fmt: skip


# -- text ---------------------------------------------------------------------------------------------------


def _plain(text):
    """Turn the maths of a short label, such as ``$\\eta_1 10^{-3}$``, into Unicode."""
    scripts = {"^": ("0123456789-−+", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁻⁺"), "_": ("0123456789ijkn", "₀₁₂₃₄₅₆₇₈₉ᵢⱼₖₙ")}

    def script(match):
        return (match[2] or match[3]).translate(str.maketrans(*scripts[match[1]]))

    def symbol(match):
        name = "LAMDA" if match[1] == "lambda" else match[1].upper()
        size = "SMALL" if match[1].islower() else "CAPITAL"
        try:
            return unicodedata.lookup(f"GREEK {size} LETTER {name}")
        except KeyError:
            return "" if match[1].startswith("math") else match[1]

    def convert(match):
        body = re.sub(r"\\([A-Za-z]+) ?", symbol, match[1])
        return re.sub(r"[{}]", "", re.sub(r"([\^_])(?:\{([^}]*)\}|(\w))", script, body))

    return re.sub(r"\$([^$]*)\$", convert, text)


def _need_text(**texts):
    """Raise ValueError for a caption or alternative text that is not there."""
    for name, text in texts.items():
        if not isinstance(text, str) or not text.strip():
            raise ValueError(f"every figure needs a non-empty {name}: say in words what there is to see")


def _json(data):
    """Return JSON that may stand inside a script element."""
    return json.dumps(data, separators=(",", ":"), ensure_ascii=False).replace("<", "\\u003c")


# -- pictures -----------------------------------------------------------------------------------------------


def _png(fig, dpi, colors=None, tight="tight"):
    """Return a figure as base64 PNG, the same for the same figure, and its width. Big ones get a palette."""
    raw, small = io.BytesIO(), io.BytesIO()
    options = {"facecolor": "white", "bbox_inches": tight, "pil_kwargs": {"compress_level": 0}}
    fig.savefig(raw, format="png", dpi=dpi, **options)
    image = Image.open(raw).convert("RGB")
    if not colors:
        image.save(small, "PNG")
    if colors or small.tell() > MAX_PNG_BYTES:
        method = Image.Quantize.MAXCOVERAGE  # keeps rare colours, such as those of a few markers
        few = image.quantize(colors or 128, method=method, kmeans=1, dither=Image.Dither.NONE)
        few.save(small := io.BytesIO(), "PNG", optimize=True)
    return base64.b64encode(small.getvalue()).decode(), image.width


def _figure_html(png, width, caption, alt, *, ident="", script=""):
    return (f'<figure class="dh tex2jax_process" {ident}><style>{CSS}</style><div class="dh-stage">'
            f'<img alt="{html.escape(alt)}" width="{width}" src="data:image/png;base64,{png}"></div>'
            f"<figcaption>{rich_text(caption)}</figcaption></figure>{script}")  # fmt: skip


def show(fig, caption, alt):
    """Display a Matplotlib figure with caption and alternative text, then close it.

    Parameters
    ----------
    fig : matplotlib.figure.Figure, or anything with a `figure` (axes, a seaborn grid)
    caption : str
        What to see in it; may contain ``$maths$`` and `` `code` ``.
    alt : str
        What a reader who cannot see it should know.

    Raises
    ------
    ValueError
        If caption or alternative text is empty.
    TypeError
        If `fig` is not a figure.
    """
    _need_text(caption=caption, alt=alt)
    fig = getattr(fig, "figure", fig)
    if not isinstance(fig, Figure):
        raise TypeError(f"show() needs a Matplotlib figure, got {type(fig).__name__}")
    dpi = 144
    png, pixels = _png(fig, dpi)
    plt.close(fig)
    width = round(pixels * 96 / dpi)
    bundle = {"text/html": _figure_html(png, width, caption, alt), "image/png": png, "text/plain": caption}
    display(bundle, raw=True, metadata={"image/png": {"width": width}})


def _grid(surface, n=161):
    """Return X, Y, Z as float arrays of a Surface or of three arrays."""
    X, Y, Z = (np.asarray(a, float) for a in (surface.grid(n) if hasattr(surface, "grid") else surface))
    if X.ndim == 1:
        X, Y = np.meshgrid(X, Y)
    if not X.shape == Y.shape == Z.shape:
        raise ValueError(f"X, Y and Z must have one shape, got {X.shape}, {Y.shape}, {Z.shape}")
    return X, Y, Z


def _shades(Z, levels):
    """Return levels and colour norm: bands of equal visual weight, finer near the minimum, for any sign."""
    Z = Z[np.isfinite(Z)]
    if np.ndim(levels) == 0:
        levels = np.unique(np.quantile(Z, np.linspace(0, 1, levels + 1) ** 1.7))
    if len(levels) < 2:  # a constant
        levels = levels[0] + np.array([-0.5, 0.5])
    return levels, BoundaryNorm(levels, HILLS.N, clip=True)


def contours(ax, surface, levels=18, **options):
    """Draw filled contours under thin lines; right for negative values too, since levels are quantiles.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    surface : Surface or (X, Y, Z)
        A surface with ``grid(n)``, or arrays of shape (m, n) each; X and Y may be of shape (n,) and (m,).
    levels : int or sequence of float
        How many bands, finer where the surface is low; or the levels themselves, increasing.
    **options
        Handed on to `Axes.contourf`.

    Returns
    -------
    matplotlib.contour.QuadContourSet
        For ``fig.colorbar``. Light is low.

    Raises
    ------
    ValueError
        If the arrays' shapes differ.
    """
    X, Y, Z = _grid(surface)
    levels, norm = _shades(Z, levels)
    Z = np.ma.masked_invalid(Z)
    whole = levels[0] <= Z.min() and Z.max() <= levels[-1]
    looks = {"cmap": HILLS, "norm": norm, "extend": "neither" if whole else "both"}
    filled = ax.contourf(X, Y, Z, levels, **looks | options)
    ax.contour(X, Y, Z, levels[1:-1], colors="#5d7686", linewidths=0.5, alpha=0.6, linestyles="solid")
    ax.grid(False)
    return filled


def surface3d(ax, surface, levels=64, **options):
    """Draw a surface on 3-D axes (``projection="3d"``) in the colours of `contours`; returns the artist."""
    X, Y, Z = _grid(surface, n=81)
    looks = {"cmap": HILLS, "norm": _shades(Z, levels)[1], "rcount": 80, "ccount": 80, "linewidth": 0}
    return ax.plot_surface(X, Y, Z, **looks | options)


# -- scenes -------------------------------------------------------------------------------------------------


def _path(path, order):
    """Check one path of a scene and complete it."""
    path = dict(path) if isinstance(path, dict) else {"points": path}
    keys = ["points", "label", "color", "markers", "line", "dash"]
    if unknown := set(path) - {*keys, "tag"}:
        raise ValueError(f"a path does not know {sorted(unknown)}; its keys are {keys}")
    points = np.asarray(path["points"], float)
    if points.ndim == 1:
        points = np.column_stack([np.arange(len(points)), points])
    if points.ndim != 2 or points.shape[1] != 2:
        raise ValueError(f"the points of a path must have shape (n, 2) or (n,), got {points.shape}")
    color = path.get("color", _ORDER[order % len(_ORDER)])
    color = to_hex(COLORS.get(color, color))
    return {"label": "", "markers": False, "line": True, "dash": order % 4, "shape": order % 4,
            **path, "points": points, "color": color}  # fmt: skip


def _scene(raw):
    """Check what `compute` returned; return its paths (single points are paths too) and the sentence."""
    if not isinstance(raw, dict) or (unknown := set(raw) - {"paths", "points", "text"}):
        got = f"the keys {sorted(unknown)}" if isinstance(raw, dict) else type(raw).__name__
        raise ValueError(f"compute must return a dict with paths, points, text; got {got}")
    paths = [_path(path, i) for i, path in enumerate(raw.get("paths", []))]
    for i, point in enumerate(raw.get("points", [])):
        point = {"label": "", "color": "error"} | (point if isinstance(point, dict) else {"xy": point})
        looks = {"tag": point["label"], "color": point["color"], "line": False, "markers": True}
        paths.append(_path({"points": [point["xy"]], **looks}, i + 2))
    return paths, str(raw.get("text", ""))


def _encode(path, view, keep_all=False):
    """Return a path as canvas.js draws it: differences on its grid; far outliers are pulled in."""
    xy = view.fractions(path["points"]) - 0.5
    xy = xy[np.isfinite(xy).all(axis=1)]
    xy *= np.minimum(1, 20 / np.maximum(np.abs(xy).max(axis=1, keepdims=True, initial=0), 1e-9))
    steps = np.diff(np.rint(UNITS * (xy + 0.5)).astype(int), axis=0, prepend=0)
    if not keep_all:
        steps = steps[steps.any(axis=1) | (np.arange(len(steps)) == 0)]
    return {"d": steps.ravel().tolist()} | {key: path[key] for key in path if key != "points"}


def _view(scenes, background, xlim, ylim, **axes):
    """Choose the limits: as given, else of the background, else of all that is drawn."""
    grid = None if background is None else _grid(background)
    points = np.concatenate([np.zeros((0, 2))] + [path["points"] for paths, _ in scenes for path in paths])
    limits = []
    for i, (given, name) in enumerate(((xlim, "x"), (ylim, "y"))):
        log = axes[f"{name}scale"] == "log"
        if axes[f"{name}scale"] not in ("linear", "log") or (log and given and min(given) <= 0):
            raise ValueError(f"{name}scale must be 'linear', or 'log' with positive limits; got {given}")
        values = points[:, i] if grid is None else grid[i].ravel()
        values = values[np.isfinite(values) & ((values > 0) if log else True)]
        low, high = (values.min(), values.max()) if values.size else (0.1, 1.0)
        if grid is None and log:
            low, high = low / 1.3, high * 1.3
        elif grid is None:
            margin = 0.04 * (high - low) or 0.5
            low, high = low - margin, high + margin
        limits.append(tuple(float(v) for v in (given or (low, high))))
    return _View(*limits, background=grid, **axes)


def _still(view, paths):
    """Draw a scene with Matplotlib: PNG, its width, the bare background as data URI, axes for the canvas."""
    width, height = view.width / 96, view.width * view.ratio / 96
    background = ""
    fig = plt.figure(figsize=(width, height))
    ax = fig.add_axes((0, 0, 1, 1))  # the tight box of _png makes room for the labels
    if view.background is not None:
        bare = plt.figure(figsize=(width, height))
        plane = bare.add_axes((0, 0, 1, 1))
        contours(plane, view.background)
        view.dress(plane)
        plane.set_axis_off()
        png, _ = _png(bare, 128, colors=48, tight=None)
        plt.close(bare)
        background = f"data:image/png;base64,{png}"
        under = fig.add_axes(ax.get_position(), zorder=-1)
        under.imshow(plt.imread(io.BytesIO(base64.b64decode(png))), aspect="auto")
        under.set_axis_off()
        ax.patch.set_alpha(0)
    view.dress(ax)
    halo = [patheffects.withStroke(linewidth=4, foreground="white")]
    for path in paths:
        xy = np.cumsum(np.reshape(path["d"], (-1, 2)), axis=0) / UNITS
        marker = {"marker": "osD^"[path["shape"]], "ms": 9 if "tag" in path else 5} if path["markers"] else {}
        line = _DASHES[path["dash"]] if path["line"] else "none"
        ax.plot(*xy.T, color=path["color"], ls=line, lw=1.8, label=path["label"] or None, **marker,
                transform=ax.transAxes, path_effects=halo if path["line"] else None)  # fmt: skip
        if path.get("tag"):
            ax.annotate(path["tag"], xy[-1], (7, 0), xycoords="axes fraction", textcoords="offset points",
                        va="center", path_effects=halo, annotation_clip=True)  # fmt: skip
    if labelled := sum(bool(path["label"]) for path in paths):
        ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=min(labelled, 3), frameon=False)
    axes = view.for_canvas(ax)
    png, pixels = _png(fig, 96, colors=64)
    plt.close(fig)
    return png, pixels, background, axes


def _moving(caption, alt, view, still_paths, spec, table):
    """Return the bundle of a figure that moves without a kernel, and the canvas' specification."""
    png, width, background, axes = _still(view, still_paths)
    spec = {"alt": alt, "axes": axes, "background": background, **spec}
    ident = element_id("figure", caption, alt, spec["sliders"], table)
    call = f"still({_json(ident)}, {_json(spec)}, {_json(table)});"
    script = f"<script>(() => {{\n{_PLAIN_CANVAS}\n{call}\n}})();</script>"
    page = _figure_html(png, width, caption, alt, ident=f'id="{ident}"', script=script)
    return {"text/html": page, "image/png": png, "text/plain": caption}, spec


def _tabulate(scene_at, view, sizes, start):
    """Tabulate scenes over slider positions, thinned evenly until the table is small enough.

    Returns the kept indices of each slider and ``{"paths": distinct paths, "scenes": [[numbers, text]]}``.
    """
    counts = list(sizes)
    while True:
        while math.prod(counts) > MAX_SCENES:
            counts[int(np.argmax(counts))] //= 2
        kept = []
        for size, count, first in zip(sizes, counts, start, strict=True):
            at = np.linspace(0, size - 1, count).round().astype(int)
            at[np.argmin(np.abs(at - first))] = first
            kept.append(at.tolist())
        numbers, scenes = {}, []
        for position in itertools.product(*kept):
            paths, text = scene_at(position)
            encoded = [json.dumps(_encode(path, view)) for path in paths]
            scenes.append([[numbers.setdefault(path, len(numbers)) for path in encoded], text])
        table = {"paths": [json.loads(path) for path in numbers], "scenes": scenes}
        if (size := len(_json(table))) <= MAX_TABLE_BYTES:
            return kept, table
        if max(counts) == 1:
            raise ValueError(f"one scene takes {size // 1000} kB, {MAX_TABLE_BYTES // 1000} is the limit: "
                             "draw fewer points")  # fmt: skip
        counts[int(np.argmax(counts))] //= 2


def explore(compute, caption, alt, *, background=None, xlim=None, ylim=None, xlabel="", ylabel="",
            xscale="linear", yscale="linear", live=True, **sliders):  # fmt: skip
    r"""Display a figure that follows sliders, with a kernel and without.

    Parameters
    ----------
    compute : callable
        ``compute(**values) -> dict`` with any of

        - ``paths``: a list of arrays of shape (n, 2), or (n,) for a curve over 0, 1, 2, …; or of dicts with
          ``points`` and, optionally, ``label``, ``color`` (a role of `COLORS` or a colour), ``markers``
          (False), ``line`` (True), ``dash`` (0-3, by default the path's place in the list);
        - ``points``: a list of (x, y), or of dicts with ``xy`` and, optionally, ``label`` and ``color``;
        - ``text``: a sentence with the numbers, in plain text. Screen readers read it out.

        It is called for every slider position when the figure is made (a few ms a call is good), so it must
        be a pure function. Points that are not finite, or not positive on a log scale, are left out.
    caption, alt : str
        As in `show`; the alternative text describes what moves, not one position.
    background : Surface or (X, Y, Z), optional
        Drawn once, by `contours`.
    xlim, ylim : (float, float), optional
        By default the background's domain, or all that is drawn at any position.
    xlabel, ylabel : str
        Plain text with Unicode; ``$\eta$`` and the like are translated.
    xscale, yscale : {"linear", "log"}
    live : bool
        Whether to add a widget for which the kernel computes. It shows all positions even if the table is
        thinned, but is gone when a notebook saved with it is opened again, until the cell is run.
    **sliders
        For each argument of `compute`: a `Slider`, a sequence of values, or ``(sequence, initial)``.

    Raises
    ------
    ValueError
        Without caption, alternative text or slider; for an unknown key or a wrong shape in a scene; if one
        scene alone is over 300 kB.

    Notes
    -----
    A stored page holds at most 600 scenes and 300 kB: above that, its sliders keep evenly spaced positions
    (and the initial one). Live, all positions stay.
    """
    _need_text(caption=caption, alt=alt)
    if not sliders:
        raise ValueError("explore() needs at least one slider, for example rate=[0.1, 0.2, 0.3]")
    described = {name: _slider(given) for name, given in sliders.items()}
    values, start = zip(*(slider.positions() for slider in described.values()), strict=True)
    labels = [slider.label or name.replace("_", " ") for name, slider in described.items()]
    cache = {}

    def scene_at(position):
        if position not in cache:
            chosen = {n: v[i] for n, v, i in zip(sliders, values, position, strict=True)}
            cache[position] = _scene(compute(**chosen))
        return cache[position]

    def specification(kept):
        return {"sliders": [
            {"label": label, "values": [v[i] if isinstance(v[i], str) else f"{v[i]:.4g}" for i in keep],
             "start": keep.index(first)}
            for label, v, keep, first in zip(labels, values, kept, start, strict=True)]}  # fmt: skip

    sizes = [len(v) for v in values]
    scenes = [scene_at(start)]
    if background is None and (xlim is None or ylim is None):
        corners = itertools.product(*({0, size // 2, size - 1} for size in sizes))
        scenes += [scene_at(position) for position in corners]
    view = _view(scenes, background, xlim, ylim, xlabel=xlabel, ylabel=ylabel, xscale=xscale, yscale=yscale)
    kept, table = _tabulate(scene_at, view, sizes, start)
    still_paths = [_encode(path, view) for path in scene_at(start)[0]]
    bundle, spec = _moving(caption, alt, view, still_paths, specification(kept), table)
    if live and anywidget is not None:
        spec |= specification([list(range(size)) for size in sizes])
        bundle = _live(scene_at, view, spec, start, caption) | bundle
    display(bundle, raw=True)


def _slider(given):
    """Read a slider as `explore` takes it."""
    if isinstance(given, Slider):
        return given
    if isinstance(given, tuple) and len(given) == 2 and np.ndim(given[0]) == 1:
        return Slider(*given)
    return Slider(given)


def _live(scene_at, view, spec, start, caption):
    """Return the mimebundle of a widget for which the kernel computes the scenes."""

    def picture(position):
        paths, text = scene_at(tuple(position))
        return {"paths": [_encode(path, view) for path in paths], "text": text}

    class Canvas(anywidget.AnyWidget):
        _esm = _CANVAS + _WIDGET
        _css = CSS
        spec = traitlets.Dict().tag(sync=True)
        scene = traitlets.Dict().tag(sync=True)
        position = traitlets.List().tag(sync=True)

    canvas = Canvas(spec=spec, scene=picture(start), position=list(start))

    def moved(change):
        canvas.scene = picture(change.new)

    canvas.observe(moved, "position")
    box = ipywidgets.VBox([canvas, ipywidgets.HTMLMath(f"<em>{rich_text(caption)}</em>")])
    return box._repr_mimebundle_()


def animate(paths, caption, alt, *, background=None, points=(), xlim=None, ylim=None, xlabel="", ylabel="",
            xscale="linear", yscale="linear", seconds=None):  # fmt: skip
    """Display an animation in which paths advance together, step by step; play, pause and scrub.

    Parameters
    ----------
    paths : dict of str to array, or list
        Label to points of shape (n, 2), or a list of paths as in `explore`. Shorter ones wait at their end.
    caption, alt : str
        As in `show`.
    points : list
        Fixed points, as in `explore`.
    background, xlim, ylim, xlabel, ylabel, xscale, yscale
        As in `explore`.
    seconds : float, optional
        How long it plays: by default 0.08 s a step, at least 3 and at most 12 s.

    Raises
    ------
    ValueError
        Without caption, alternative text or a path of two points; for a wrong shape.

    Notes
    -----
    It starts at rest, with the paths complete. Of more than 300 steps every second, third, … is shown; for
    readers who prefer reduced motion playing shows ten pictures.
    """
    _need_text(caption=caption, alt=alt)
    if isinstance(paths, dict):
        paths = [{"points": points_, "label": label} for label, points_ in paths.items()]
    drawn, _ = _scene({"paths": paths, "points": points})
    longest = max((len(path["points"]) for path in drawn if path["line"]), default=0)
    if longest < 2:
        raise ValueError("animate() needs at least one path of two or more points")
    axes = {"xlabel": xlabel, "ylabel": ylabel, "xscale": xscale, "yscale": yscale}
    view = _view([(drawn, "")], background, xlim, ylim, **axes)
    stride = math.ceil((longest - 1) / 300)
    steps = np.append(np.arange(0, longest - 1, stride), longest - 1)
    for path in drawn:
        path["points"] = path["points"][np.unique(np.minimum(steps, len(path["points"]) - 1))]
    encoded = [_encode(path, view, keep_all=True) for path in drawn]
    slider = {"label": "step", "values": [str(s) for s in steps], "start": len(steps) - 1}
    spec = {"seconds": seconds or float(np.clip(0.08 * len(steps), 3, 12)), "sliders": [slider]}
    bundle, _ = _moving(caption, alt, view, encoded, spec, {"paths": encoded})
    display(bundle, raw=True)
