"""Figures of modalities that are neither sound nor picture."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb
from tiny_sunrgbd import CONFIG, release

from companion.data import sections, sunrgbd
from companion.data.prepare_features import prepare_features
from companion.figures import fig1, fig5, fig6, frames, style
from companion.table1.picture import coefficients

HEADS, EPOCHS, CLASSES = ("rgb", "depth", "fused"), (1, 2, 3), ("bedroom", "kitchen")


def table(columns, values):
    """Return a line per seed, epoch, head and the other columns' values."""
    rng, lines = np.random.default_rng(0), []
    for seed in (0, 1):
        for epoch in EPOCHS:
            for head in HEADS:
                for name in columns.get("class", [None]):
                    line = {"row": "olm", "seed": seed, "epoch": epoch, "head": head}
                    line |= {"class": name} if name else {}
                    lines.append(line | {v: rng.uniform(0.5, 2) for v in values})
    return pd.DataFrame(lines)


ACCURACY = table({}, ["accuracy"])
CURVES = table({"class": CLASSES}, ["score", "norm"])
MEANS = table({}, ["norm", "relative", "scaled", "w"])


def texts(figure):
    legend = [text.get_text() for box in figure.legends for text in box.get_texts()]
    return legend, [ax.get_title("left") for ax in figure.axes]


def test_heads_are_named_as_readers_know_them():
    assert style.heads_of(ACCURACY) == {"rgb": "RGB", "depth": "depth", "fused": "RGB-D"}
    both = ACCURACY.replace({"head": {"rgb": "audio", "depth": "visual"}})
    assert style.heads_of(both)["fused"] == "audiovisual"
    others = ACCURACY.replace({"head": {"rgb": "text"}})
    assert style.heads_of(others) == {"text": "text", "depth": "depth", "fused": "all modalities"}


def test_every_modality_of_the_registry_has_a_colour_of_its_own():
    assert {"audio", "visual", "text", "hog", *sections.PICTURES} < style.COLOURS.keys()
    colours = [to_rgb(colour) for colour in style.COLOURS.values()]
    assert len(set(colours)) == len(colours)
    apart = [np.abs(np.subtract(a, b)).sum() for a in colours for b in colours if a != b]
    assert min(apart) > 0.25


def test_panels_are_for_two_modalities():
    assert style.unimodal(CURVES) == ("depth", "rgb")
    with pytest.raises(ValueError, match="for two modalities, not for rgb"):
        style.unimodal(CURVES[CURVES["head"] != "depth"])


def test_figure_1_takes_other_modalities():
    legend, titles = texts(fig1.draw(ACCURACY, CURVES))
    assert legend[:3] == ["RGB", "depth", "RGB-D"]
    assert titles[2:4] == ["(C) Logit norms, depth", "(D) Logit norms, RGB"]


def test_figure_5_takes_other_modalities():
    unimodal = CURVES[CURVES["head"] != "fused"]
    means = MEANS[MEANS["head"] != "fused"]
    legend, titles = texts(fig5.draw(unimodal, means, {"olm": "OLM"}))
    assert legend[:2] == ["RGB", "depth"]
    assert titles[:2] == ["(A) Depth, OLM", "(B) RGB, OLM"]


def test_figure_6_and_the_coefficients_take_other_modalities():
    legend, _ = texts(fig6.draw(ACCURACY, CURVES, {"olm": "OLM"}))
    assert legend[:3] == ["RGB", "depth", "RGB-D"]
    figure = coefficients(MEANS.assign(dataset="sun"), {"olm": "OLM"}, {"sun": "rooms"})
    assert texts(figure)[0][:3] == [*HEADS]


def test_a_frame_of_every_scene_is_shown_with_its_depth(tmp_path):
    loaded = sunrgbd.load(release(tmp_path / "raw"), CONFIG)
    data = prepare_features(loaded, tmp_path / "f", CONFIG)
    figure, chosen = frames.frames(loaded, data, "rooms")
    titles = [ax.get_title("left") for ax in figure.axes if ax.get_title("left")]
    assert titles == ["bedroom", "kitchen"]
    metres = [ax.images[0] for ax in figure.axes if ax.images and ax.images[0].get_clim()[1] == 8]
    assert len(metres) == 2
    assert chosen["unmeasured"].between(0, 100).all()
    assert set(chosen["id"]) <= {clip.id for clip in loaded.clips}
