"""The figures: what they emit, that it repeats, and what they refuse. The browser's part is in tests/web."""

import base64
import json
import re
from io import BytesIO

import matplotlib

matplotlib.use("agg")

import numpy as np
import pytest
from matplotlib import pyplot as plt
from PIL import Image

from downhill import figures
from downhill.figures import COLORS, Slider, animate, contours, explore, show, surface3d

X, Y = np.meshgrid(np.linspace(-2, 2, 41), np.linspace(-1, 1, 31))
SADDLE = X, Y, X**2 - Y**2
SPIRAL = np.stack([np.cos(np.arange(101) / 9), np.sin(np.arange(101) / 9)], axis=1) * np.linspace(1, 0, 101)[:, None]


@pytest.fixture
def shown(monkeypatch):
    bundles = []
    monkeypatch.setattr(figures, "display", lambda bundle, raw, metadata=None: bundles.append(bundle))
    return bundles


def line(rate):
    return {"paths": [np.array([[0, 0], [rate, rate]])], "text": f"At {rate}."}


def spec_and_table(bundle):
    call = re.search(r'still\("[^"]+", (.*)\);\n}\)\(\);', bundle["text/html"])[1]
    spec, end = json.JSONDecoder().raw_decode(call)
    return spec, json.loads(call[end + 2 :])


def draw_show():
    fig, ax = plt.subplots(figsize=(7, 4))
    contours(ax, SADDLE)
    show(fig, "A saddle, $f < 0$ & more", 'Rises to the "right"')


def draw_explore(caption="A line"):
    explore(line, caption, "alt", background=SADDLE, rate=[0.5, 1.0])


def draw_animate():
    animate({"one": SPIRAL, "two": SPIRAL[:50]}, "A race", "alt", background=SADDLE, points=[(0, 0)])


# -- what is emitted ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("call", [draw_show, draw_explore, draw_animate])
def test_one_output_that_repeats(shown, call):
    call()
    call()
    first, second = ({k: v for k, v in b.items() if "widget" not in k} for b in shown)
    assert first == second
    assert set(first) - {"image/png"} == {"text/html", "text/plain"}
    assert not plt.get_fignums()
    assert "http" not in first["text/html"].replace("http-equiv", "")


def test_show_carries_picture_caption_and_alternative_text(shown):
    draw_show()
    html, png = shown[0]["text/html"], base64.b64decode(shown[0]["image/png"])
    assert "A saddle, $f &lt; 0$ &amp; more</figcaption>" in html
    assert 'alt="Rises to the &quot;right&quot;"' in html
    assert shown[0]["image/png"] in html
    image = Image.open(BytesIO(png))
    assert 900 < image.width < 1100 and not image.info.get("Software")
    assert len(png) < 90_000


def test_a_picture_with_a_palette_keeps_the_colors_of_the_roles(shown):
    fig, ax = plt.subplots(figsize=(7, 4))
    rng = np.random.default_rng(0)
    contours(ax, (X, Y, rng.normal(size=X.shape)))
    for i, color in enumerate(COLORS.values()):
        ax.plot(i / 4, 0, "o", color=color, ms=12)
    show(fig, "c", "a")
    image = Image.open(BytesIO(base64.b64decode(shown[0]["image/png"])))
    assert image.mode == "P"
    present = {color for _, color in image.convert("RGB").getcolors()}
    for color in COLORS.values():
        role = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)])
        assert min(np.abs(role - other).max() for other in present) <= 4, color


@pytest.mark.parametrize("caption, alt", [("", "a"), ("c", ""), ("c", "  "), ("c", None)])
def test_a_figure_without_words_is_refused(shown, caption, alt):
    fig, _ = plt.subplots()
    for call in (lambda: show(fig, caption, alt), lambda: explore(line, caption, alt, rate=[1, 2]),
                 lambda: animate({"a": SPIRAL}, caption, alt)):  # fmt: skip
        with pytest.raises(ValueError, match="non-empty (caption|alternative text|alt)"):
            call()
    plt.close(fig)
    assert not shown


def test_show_takes_axes_and_refuses_other_things(shown):
    _, ax = plt.subplots()
    show(ax, "c", "a")
    assert shown
    with pytest.raises(TypeError, match="list"):
        show([1], "c", "a")


# -- contours -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("Z", [SADDLE[2], SADDLE[2] - 100, np.zeros_like(X), np.where(X > 1, np.nan, X), np.exp(9 * X)])
def test_contours_of_any_sign_cover_all_values(Z):
    fig, ax = plt.subplots()
    filled = contours(ax, (X, Y, Z))
    assert filled.levels[0] <= np.nanmin(Z) and np.nanmax(Z) <= filled.levels[-1]
    assert np.all(np.diff(filled.levels) > 0)
    fig.colorbar(filled)
    fig.canvas.draw()
    plt.close(fig)


def test_contours_show_the_valley_of_rosenbrock():
    x, y = np.meshgrid(np.linspace(-2, 2, 161), np.linspace(-1, 3, 161))
    fig, ax = plt.subplots()
    levels = contours(ax, (x, y, (1 - x) ** 2 + 100 * (y - x**2) ** 2)).levels
    plt.close(fig)
    assert levels[1] < 1.5  # of values up to 2500


def test_contours_take_a_surface_levels_and_vectors():
    class Bowl:
        def grid(self, n):
            x, y = np.meshgrid(np.linspace(-1, 1, n), np.linspace(-1, 1, n))
            return x, y, x**2 + y**2

    fig, ax = plt.subplots()
    contours(ax, Bowl())
    assert list(contours(ax, (X[0], Y[:, 0], SADDLE[2]), levels=[-1, 0, 1]).levels) == [-1, 0, 1]
    with pytest.raises(ValueError, match="shape"):
        contours(ax, (X, Y, SADDLE[2][:3]))
    surface3d(fig.add_subplot(projection="3d"), Bowl())
    plt.close(fig)


# -- explore ------------------------------------------------------------------------------------------------


def test_explore_tabulates_every_position(shown):
    explore(lambda rate, shift: {"paths": [[[0, 0], [rate, shift]], [[0, 1], [1, 0]]], "text": f"{rate} {shift}"},
            "c", "a", xlim=(0, 2), ylim=(0, 1), rate=([1, 2], 2), shift=Slider([0, 0.5, 1], label="by"))  # fmt: skip
    spec, table = spec_and_table(shown[0])
    assert [(s["label"], s["values"], s["start"]) for s in spec["sliders"]] == [
        ("rate", ["1", "2"], 1), ("by", ["0", "0.5", "1"], 1)]  # fmt: skip
    assert [text for _, text in table["scenes"]] == ["1 0", "1 0.5", "1 1", "2 0", "2 0.5", "2 1"]
    assert len(table["paths"]) == 7  # the constant one is stored once
    assert table["paths"][table["scenes"][5][0][0]]["d"] == [0, 0, 4096, 4096]


def test_explore_offers_a_widget_for_which_the_kernel_computes(shown, monkeypatch):
    boxes, VBox = [], figures.ipywidgets.VBox
    monkeypatch.setattr(figures.ipywidgets, "VBox", lambda children: boxes.append(VBox(children)) or boxes[-1])
    draw_explore()
    assert shown[0]["application/vnd.jupyter.widget-view+json"]["model_id"] == boxes[0].model_id
    canvas = boxes[0].children[0]
    canvas.position = [0]
    assert canvas.scene["text"] == "At 0.5."


def test_explore_without_widgets_still_moves(shown, monkeypatch):
    monkeypatch.setattr(figures, "anywidget", None)
    draw_explore()
    monkeypatch.undo()
    monkeypatch.setattr(figures, "display", lambda bundle, raw: shown.append(bundle))
    explore(line, "A line", "alt", background=SADDLE, rate=[0.5, 1.0], live=False)
    assert shown[0] == shown[1]
    assert set(shown[0]) == {"text/html", "image/png", "text/plain"}


def test_many_positions_are_thinned_evenly_and_keep_the_initial_one(shown):
    explore(line, "c", "a", rate=(np.arange(2000), 1001))
    spec, table = spec_and_table(shown[0])
    values = [int(float(v)) for v in spec["sliders"][0]["values"]]
    assert len(values) == len(table["scenes"]) == 500
    assert values[spec["sliders"][0]["start"]] == 1001
    assert len(shown[0]["text/html"]) < 350_000


def test_a_scene_that_is_too_big_is_refused(shown):
    noise = np.random.default_rng(0).normal(size=(100_000, 2))
    with pytest.raises(ValueError, match="fewer points"):
        explore(lambda a: {"paths": [noise]}, "c", "a", a=[1, 2, 3])


def test_divergence_and_log_scales_leave_a_drawable_path(shown):
    wild = np.array([[0, 1], [1, 1e200], [2, 0], [3, -1], [4, np.nan], [5, 0.1]])
    explore(lambda a: {"paths": [wild, [3, 2, 1]]}, "c", "a", yscale="log", ylim=(0.01, 10), a=[1])
    spec, table = spec_and_table(shown[0])
    assert len(table["paths"][0]["d"]) == 2 * 3
    assert max(map(abs, table["paths"][0]["d"])) < 50 * 4096
    assert [label for _, label in spec["axes"]["yticks"]] == ["10⁻²", "10⁻¹", "10⁰", "10¹"]


@pytest.mark.parametrize("scene, complaint", [
    ([1, 2], "dict"), ({"path": []}, "path"), ({"paths": [{"points": [[0, 0]], "colour": "red"}]}, "colour"),
    ({"paths": [np.zeros((2, 3))]}, r"\(2, 3\)")])  # fmt: skip
def test_explore_says_what_is_wrong_with_a_scene(shown, scene, complaint):
    with pytest.raises(ValueError, match=complaint):
        explore(lambda a: scene, "c", "a", a=[1, 2])


def test_tick_labels_stand_alone(shown):
    explore(lambda a: {"paths": [[[0, 2], [3e6, 8]]]}, "c", "a", a=[1], xlim=(0, 3e6), ylim=(2, 8), yscale="log")
    axes = spec_and_table(shown[0])[0]["axes"]
    assert "1000000" in [label for _, label in axes["xticks"]]
    assert axes["yticks"] == [[0, "2"], [4096, "8"]]


@pytest.mark.parametrize("axes", [{"yscale": "log", "ylim": (0, 1)}, {"xscale": "symlog"}])
def test_scales_that_cannot_be_drawn_are_refused(axes):
    with pytest.raises(ValueError, match="scale must be"):
        explore(line, "c", "a", rate=[1], **axes)


@pytest.mark.parametrize("values, start", [(["a", "b"], 1), ([], None), ([1, 2], 3), (["a", "b"], "c"), (5, None)])
def test_sliders_that_make_no_sense_are_refused(values, start):
    with pytest.raises(ValueError, match="slider"):
        Slider(values, start).positions()


def test_explore_needs_a_slider():
    with pytest.raises(ValueError, match="at least one slider"):
        explore(line, "c", "a")


@pytest.mark.parametrize("text, plain", [
    (r"$\eta$", "η"), (r"$\lambda_1$", "λ₁"), (r"$\mathdefault{10^{-3}}$", "10⁻³"), ("step $k$", "step k"),
    (r"$\log f$", "logf"), ("$x^2$ costs 5", "x² costs 5"), ("no maths_here", "no maths_here")])  # fmt: skip
def test_maths_in_labels_becomes_unicode(text, plain):
    assert figures._plain(text).replace("log ", "log") == plain


# -- animate ------------------------------------------------------------------------------------------------


def test_animate_is_small_and_complete(shown):
    draw_animate()
    spec, table = spec_and_table(shown[0])
    assert [len(path["d"]) // 2 for path in table["paths"]] == [101, 50, 1]
    assert spec["sliders"][0]["start"] == 100 and 3 <= spec["seconds"] <= 12
    assert sum(len(part) for part in shown[0].values()) < 200_000


def test_animate_thins_long_runs(shown):
    animate({"long": np.linspace(0, 1, 2002)}, "c", "a")
    spec, table = spec_and_table(shown[0])
    steps = spec["sliders"][0]["values"]
    assert len(steps) <= 301 and steps[:2] == ["0", "7"] and steps[-1] == "2001"
    assert len(table["paths"][0]["d"]) == 2 * len(steps)


def test_animate_needs_two_points():
    with pytest.raises(ValueError, match="two or more points"):
        animate({"short": SPIRAL[:1]}, "c", "a")
