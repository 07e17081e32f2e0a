"""Pictures of notebooks 02 and 03: what they are drawn from, that they are drawn, and the panel."""

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from companion.figures.style import COLOURS
from companion.lessons.olm import panel, picture, toy
from companion.lessons.olm.picture import VAB
from olmlib.olm import OLM

matplotlib.use("Agg")

# T-OLM-R1, the example of notebook 02.
G, C = [0.22, 0.62, 0.72], [0.08, 0.58, 0.58]


@pytest.fixture(scope="module")
def curves():
    heads = {head: toy.HEADS[head] for head in VAB}
    table = toy.simulate(OLM(VAB, warmup=5), heads, steps=30)
    return table.assign(G=table["dev_loss"], C=table["train_loss"], rule="stable")


def drawn_curves(fig):
    return [line for ax in fig.axes for line in ax.get_lines() if len(line.get_xdata()) > 2]


def test_rates_mark_distances_of_the_chosen_head(curves):
    fig = picture.rates(curves, "visual", at=20, start=np.log(6))
    (base,) = [line for line in fig.axes[0].get_lines() if len(set(line.get_ydata())) == 1]
    assert base.get_ydata()[0] == np.log(6)
    names = {text.get_text() for text in fig.axes[0].texts}
    assert {"G", "C"} <= names
    own = curves[curves["head"] == "visual"]["dev_loss"].to_numpy()
    assert any(np.array_equal(line.get_ydata(), own) for line in fig.axes[0].get_lines())


def test_loop_draws_every_head_of_every_rule_in_its_colour(curves):
    fig = picture.loop(pd.concat([curves, curves.assign(rule="other")]))
    lines = drawn_curves(fig)
    assert len(lines) == 2 * 3 * 3
    assert {line.get_color() for line in lines} == {COLOURS[head] for head in VAB}
    assert [ax.get_title("left") for ax in fig.axes[:2]] == ["stable", "other"]


def test_collapse_writes_the_numbers_of_the_exact_solves():
    rows = [("solve", i, "literal", np.nan, 7 / 3**i) for i in range(5)]
    rows += [("solve", i, "rescaled", np.nan, 7.0) for i in range(5)]
    rows += [(p, i, h, 1.0, 2.0) for p in ("paper", "rescaled") for i in range(3) for h in VAB]
    table = pd.DataFrame(rows, columns=["panel", "step", "head", "w", "scaled"])
    fig = picture.collapse(table)
    assert [text.get_text() for text in fig.axes[0].texts] == ["7", "2.33", "0.778", "0.259"]


def test_the_other_pictures_are_figures_and_closed():
    steps = pd.DataFrame({"w": [0.0, 1.0, 2.0], "loss": [3.0, 1.0, 3.0], "gradient": 1.0})
    paths = pd.DataFrame({"step": [0, 1] * 3, "head": np.repeat(VAB, 2), "w": 1.0})
    both = pd.concat([paths.assign(target="constant"), paths.assign(target="refreshed")])
    before = plt.get_fignums()
    figures = [
        picture.saturation(pd.DataFrame({"C": [0.1, 1], "Eq. 8": [1, 0.2], "bounded": 0.4})),
        picture.solvers(both, dict.fromkeys(VAB, 1.0)),
        picture.medians(steps, {"median": 1.0, "mean": 1.5}),
        picture.gradients(pd.concat([steps.assign(sample=name) for name in ("right", "wrong")])),
    ]
    assert all(isinstance(fig, Figure) and fig.axes for fig in figures)
    assert plt.get_fignums() == before


def test_panel_by_hand():
    table = panel.panel_table(G, C).set_index(["rule", "head"])
    lam = table.loc["paper", "lam"]
    assert lam.to_numpy() == pytest.approx([0.710532, 0.132288, 0.157180], abs=1e-6)
    # The visual target 0.71 * 7 is above its norm 4 at first, but sbar falls, and all fall with it.
    assert (table.loc["paper", "w"] < 1).all()
    stable = table.loc["stable"]
    assert stable["lam"].sum() == pytest.approx(1)
    assert stable["w"].idxmax() == "visual" and stable["w"].between(0.2, 5).all()


def test_the_dotted_lines_of_the_panel_are_named():
    _, factors, coefficients = panel.panel(panel.panel_table(G, C)).axes
    for ax, name in ((factors, "1/M"), (coefficients, "w = 1")):
        assert [text.get_text() for text in ax.get_legend().get_texts()] == [name]


def test_equal_rates_and_norms_leave_everything_at_one():
    table = panel.panel_table([0.5] * 3, [0.2] * 3, norms=(7.0, 7.0, 7.0))
    assert table["lam"].to_numpy() == pytest.approx(1 / 3)
    assert table.loc[table["rule"] == "stable", "w"].to_numpy() == pytest.approx(1)


def test_no_overfitting_at_all_is_no_error():
    table = panel.panel_table([0.5, 0.2, 0.1], [0.0] * 3)
    assert np.isfinite(table[["lam", "w"]]).all(axis=None)
    assert isinstance(panel.panel(table), Figure)


def test_sliders_redraw_and_show_no_random_ids(monkeypatch):
    shown, asked = [], []
    monkeypatch.setattr(panel, "display", lambda data, raw: shown.append(data))

    def draw(generalised, overfitted):
        asked.append((generalised, overfitted))
        return panel.panel(panel.panel_table(generalised, overfitted))

    box = panel.sliders(draw, G, C)
    assert asked == [(G, C)]
    box.children[0].children[1].children[0].value = 0.5
    assert asked[-1] == (G, [0.5, *C[1:]])
    (data,) = shown
    assert set(data) == {panel.WIDGET, "text/plain"} and "id=" not in data["text/plain"]
