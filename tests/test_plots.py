"""Figures, and the curves over epochs that they show."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from made_runs import CLASSES, execute, make
from matplotlib.colors import to_hex

from companion import registry
from companion.figures import clips, curves, fig1, fig5, fig6, growth, style
from companion.lessons.olm import picture
from companion.runs import folder
from companion.table1 import claims, numbers
from companion.table1 import picture as table1_picture
from olmlib.data.synthetic import synthetic

ROWS = {"concat": "Concat", "three_heads": "three heads", "olm": "OLM (stable)"}


@pytest.fixture(scope="module")
def grid(tmp_path_factory):
    return make(tmp_path_factory.mktemp("root"))


@pytest.fixture(scope="module")
def three(grid):
    return [run for run in grid if run.name in ROWS]


@pytest.fixture(scope="module")
def values(three):
    return curves.classes(three, CLASSES)


@pytest.fixture(scope="module")
def runs():
    """Two seeds of three rows: the reference has 50 and 52 %, the others are 1 and 2 above it."""
    return pd.DataFrame(
        [
            ("cremad", f"r{i}", seed, 0.5 + 0.01 * i + 0.02 * seed)
            for i in range(3)
            for seed in (0, 1)
        ],
        columns=["dataset", "row", "seed", "accuracy"],
    )


@pytest.fixture(scope="module")
def table():
    same = {"dataset": "cremad", "title": "toy", "letter": "", "block": "some", "seeds": 2}
    same |= {"accuracy_sd": 2**0.5, "paper_accuracy": np.nan}
    return pd.DataFrame(
        [{"row": f"r{i}", "label": f"row {i}", "accuracy": 51.0 + i, **same} for i in range(3)]
    )


def history(**arrays):
    return {"heads": np.array(["audio"]), "epoch": np.array([1, 1, 2])} | arrays


def test_an_epoch_is_the_mean_of_the_batches_that_hold_the_class(three, monkeypatch):
    norm = np.array([2.0, np.nan, 5.0])[:, None, None]
    made = history(norm_class=norm, score_class=-norm)
    monkeypatch.setattr(folder, "iterations", lambda run: made)
    table = curves.classes(three[:1], ["NEU"])
    assert table["norm"].tolist() == [2, 5]
    assert table["score"].tolist() == [-2, -5]


def test_a_class_that_an_epoch_never_shows_is_an_error(three, monkeypatch):
    norm = np.array([2.0, 3.0, np.nan])[:, None, None]
    monkeypatch.setattr(
        folder, "iterations", lambda run: history(norm_class=norm, score_class=norm)
    )
    with pytest.raises(ValueError, match="saw no NEU in epoch 2"):
        curves.classes(three[:1], ["NEU"])


def test_other_names_than_classes_are_an_error(three):
    with pytest.raises(ValueError, match="6 classes, but 2 names"):
        curves.classes(three, CLASSES[:2])


def test_curves_have_every_run_epoch_head_and_class(three, values):
    assert len(values) == len(three) * 4 * 3 * len(CLASSES)
    assert values.notna().all(axis=None)


def test_scaled_values_follow_w_and_leave_rows_without_w(three, values):
    scaled = curves.classes(three, CLASSES, scaled=True)
    concat = values["row"] == "concat"
    assert scaled[concat].equals(values[concat])
    visual = (values["row"] == "olm") & (values["head"] == "visual") & (values["epoch"] == 4)
    assert (scaled.loc[visual, "norm"] > values.loc[visual, "norm"]).all()


def test_growth_is_last_minus_first(values):
    growth = curves.growth(values).set_index(["row", "seed", "head"])["growth"]
    # norm = log(1 + epoch) * scale * (1 + 0.1 c), 4 epochs, 6 classes.
    assert growth["concat", 0, "visual"] == pytest.approx(np.log(5 / 2) * 1.25)
    assert growth["concat", 0, "audio"] == pytest.approx(2 * growth["concat", 0, "visual"])


def test_coefficients_and_their_reach(grid, three):
    moved = curves.coefficients([run for run in grid if run.name == "olm"])
    reach = claims.reach(moved).set_index("head")
    assert reach.loc["audio", "highest"] == 1.0
    assert reach["stable"].all()
    assert not claims.reach(moved, low=0.9)["stable"].all()
    with pytest.raises(ValueError, match="concat-0 has no coefficients"):
        curves.coefficients(three)


def test_accuracies_of_the_three_curves(three):
    table = curves.accuracies(three)
    assert set(table["head"]) == {"audio", "visual", "fused"}
    assert len(table) == len(three) * 4 * 3
    run = three[0]
    fused = table.query("row == @run.name and seed == @run.seed and head == 'fused'")
    percent = 100 * folder.epochs([run])["test_accuracy"].to_numpy()
    np.testing.assert_allclose(fused["accuracy"], percent)


@pytest.fixture(scope="module")
def figure_5(grid, three, values):
    scaled = values.assign(scaled=curves.classes(three, CLASSES, scaled=True)["norm"])
    means = growth.means(scaled, curves.coefficients([r for r in grid if r.name == "olm"]))
    unimodal = means["head"] != "fused"
    return fig5.draw(values, means[unimodal], ROWS, "toy"), means


def test_figure_5_has_a_line_of_panels_per_row_and_each_names_it(figure_5):
    figure, _ = figure_5
    titles = [ax.get_title(loc="left") for ax in figure.axes]
    kinds = ("Visual", "Audio", "Growth", "Seen by the loss")
    wanted = [f"{kind}, {name}" for name in ROWS.values() for kind in kinds]
    assert titles == [f"({a}) {text}" for a, text in zip("ABCDEFGHIJKL", wanted, strict=True)]


def test_figure_5_shares_its_axes_and_names_every_class(figure_5):
    panels = np.array(figure_5[0].axes).reshape(3, 4)
    for column in (panels[:, :2], panels[:, 2:3], panels[:, 3:]):
        assert len({ax.get_ylim() for ax in column.flat}) == 1
    for ax in panels[:, :2].flat:
        assert {text.get_text() for text in ax.texts} == set(CLASSES)


def test_figure_5_draws_the_mean_over_seeds(figure_5, values):
    drawn = figure_5[0].axes[1].lines[0].get_ydata()
    own = values[(values["row"] == "concat") & (values["head"] == "audio")]
    wanted = own[own["class"] == CLASSES[0]].groupby("epoch")["norm"].mean()
    assert drawn == pytest.approx(wanted.to_numpy())


def test_figure_5_draws_seeds_and_their_mean_relative_to_the_first_epoch(figure_5):
    figure, means = figure_5
    own = means[(means["row"] == "olm") & (means["head"] == "audio")]
    wanted = own.groupby("epoch")["relative"].mean().tolist()
    curves_of = [line for line in figure.axes[10].lines if len(line.get_xdata()) == 4]
    thick = [line for line in curves_of if line.get_linewidth() > 1]
    assert len(curves_of) - len(thick) == 2 * own["seed"].nunique()
    assert any(line.get_ydata() == pytest.approx(wanted) for line in thick)
    assert {to_hex(line.get_color()).upper() for line in curves_of} == {
        style.COLOURS["audio"],
        style.COLOURS["visual"],
    }


def test_figure_5_shows_raw_norms_and_w_only_where_w_is_not_1(figure_5):
    figure, means = figure_5
    concat, _, olm = (figure.axes[i] for i in (3, 7, 11))
    assert ":" not in {line.get_linestyle() for line in concat.lines}
    assert sum(line.get_linestyle() == ":" for line in olm.lines) == 2
    end = growth.last(means[means["row"] == "olm"]).groupby("head")["w"].mean()
    wanted = {f"w = {end[head]:.2f}" for head in ("audio", "visual")}
    assert {text.get_text() for text in olm.texts} == wanted
    assert not concat.texts


def test_labels_at_line_ends_keep_their_order_and_a_gap(figure_5):
    for ax in np.array(figure_5[0].axes).reshape(3, 4)[:, :2].flat:
        low, high = ax.get_ylim()
        texts = sorted(ax.texts, key=lambda text: text.get_position()[1])
        places = [text.get_position()[1] for text in texts]
        assert np.diff(places).min() > 0.05 * (high - low)
        assert [text.get_text() for text in texts] == list(CLASSES)  # norms grow with the class


def test_figure_6_has_accuracy_on_the_left_and_scores_on_the_right(three, values):
    figure = fig6.draw(curves.accuracies(three), values, ROWS)
    kinds = [f"{kind}, {name}" for name in ROWS.values() for kind in ("Accuracy", "Logit scores")]
    wanted = [f"({letter}) {text}" for letter, text in zip("ABCDEF", kinds, strict=True)]
    assert [ax.get_title(loc="left") for ax in figure.axes] == wanted
    left, right = figure.axes[:2]
    assert {to_hex(line.get_color()).upper() for line in left.lines} == {
        style.COLOURS[head] for head in ("audio", "visual", "fused")
    }
    assert left.get_ylabel() == "test accuracy (%)"
    assert len(right.texts) == 2 * len(CLASSES)
    for column in (figure.axes[::2], figure.axes[1::2]):
        assert len({ax.get_ylim() for ax in column}) == 1


def drawn(ax, marker):
    return [
        (x, y) for line in ax.lines if line.get_marker() == marker
        for x, y in zip(line.get_xdata(), line.get_ydata(), strict=True) if not np.isnan(x)
    ]  # fmt: skip


def gaps(table, runs):
    return table1_picture.gaps(table, runs, "r0")


def test_gaps_name_every_row_from_above_under_its_block(table, runs):
    ax = gaps(table.assign(block=["some", "some", "others"]), runs).axes[0]
    found = [(label.get_text(), label.get_fontweight()) for label in ax.get_yticklabels()]
    rows = ["row 0", "row 1", "row 2"]
    assert [text for text, weight in found if weight == "normal"] == rows
    assert [text for text, _ in found] == ["some", *rows[:2], "others", rows[2]]
    assert ax.get_ylim()[0] > ax.get_ylim()[1]
    assert np.diff(ax.get_yticks()).min() > 0.9


def test_every_seed_is_a_dot_and_the_mean_a_bar_as_differences_to_the_reference(table, runs):
    ax = gaps(table, runs).axes[0]
    seeds, means = (np.array([x for x, _ in drawn(ax, marker)]) for marker in "o|")
    assert sorted(seeds) == pytest.approx([-1, 0, 1, 1, 2, 3])
    assert means == pytest.approx([0, 1, 2])


def test_the_band_is_what_would_be_shown(table, runs):
    figure = gaps(table, runs)
    (band,) = figure.axes[0].patches
    wanted = numbers.can_tell(table).alone
    assert (band.get_x(), band.get_width()) == pytest.approx((-wanted, 2 * wanted))
    one = gaps(table.assign(seeds=1, accuracy_sd=np.nan), runs[runs["seed"] == 0])
    assert not one.axes[0].patches, "one seed shows nothing at all"


def test_the_papers_differences_are_to_its_own_reference(table, runs):
    printed = table.assign(paper_accuracy=[60.0, np.nan, 67.0])
    assert [x for x, _ in drawn(gaps(printed, runs).axes[0], "D")] == [7]
    legends = [
        {text.get_text() for text in gaps(t, runs).legends[0].get_texts()} for t in (table, printed)
    ]
    assert legends[1] - legends[0] == {"the paper, on real recordings"}


def test_a_row_that_only_one_data_set_has_leaves_an_empty_line(table, runs):
    both = pd.concat([table, table[:2].assign(dataset="ks", title="other")])
    more = pd.concat([runs, runs[runs["row"] != "r2"].assign(dataset="ks")])
    first, second = gaps(both, more).axes
    assert len(drawn(first, "|")) == 3 and len(drawn(second, "|")) == 2
    assert [ax.get_title(loc="left") for ax in (first, second)] == ["toy", "other"]


@pytest.fixture(scope="module")
def moved(grid):
    """Return coefficients of data set a, which has all rows, and of b, which has the last alone."""
    own = curves.coefficients([run for run in grid if run.name in ("olm", "olm_code")])
    last = own[own["row"] == "olm_code"]
    return pd.concat([own.assign(dataset="a"), last.assign(dataset="b", w=10 * last["w"])])


def test_a_row_has_the_same_column_in_every_data_set_and_gaps_are_on_the_right(moved):
    figure = table1_picture.coefficients(moved, {"olm": "x", "olm_code": "y"}, {"a": "A", "b": "B"})
    panels = np.array(figure.axes).reshape(2, 2)
    assert [ax.get_title(loc="left") for ax in panels[0]] == ["y", "x"]
    assert [ax.get_visible() for ax in panels[1]] == [True, False]
    assert panels[1, 0].get_title(loc="left") == "y"
    assert [ax.get_ylabel() for ax in panels[:, 0]] == ["A\ncoefficient w", "B\ncoefficient w"]
    with pytest.raises(ValueError, match="nothing to draw for concat"):
        table1_picture.coefficients(moved, {"concat": "x"}, {"a": "A"})


def test_coefficients_share_one_logarithmic_axis_that_holds_all_of_them(moved):
    negative = moved.assign(w=moved["w"].where(moved["epoch"] < 4, -0.05))
    for table in (moved, negative):
        figure = table1_picture.coefficients(
            table, {"olm": "x", "olm_code": "y"}, {"a": "A", "b": "B"}
        )
        assert len({ax.get_ylim() for ax in figure.axes}) == 1
        low, high = figure.axes[0].get_ylim()
        assert low < table["w"].min() and high > table["w"].max()
        # As far from 1 to 2 as from 0.5 to 1.
        at = figure.axes[0].transData.transform([(1, w) for w in (0.5, 1, 2)])[:, 1]
        assert at[2] - at[1] == pytest.approx(at[1] - at[0])


def test_clips_name_the_data_set_the_band_and_the_time(tmp_path):
    data = synthetic(tmp_path / "toy", clips=30, classes=3, frames=4, size=8)
    data.meta |= {"seconds": 3.0, "sample_rate": 16_000}
    figure, chosen = clips.clips(data, "toy miniature")
    plt.close(figure)
    assert list(chosen["label"]) == [0, 1, 2]
    assert figure.get_suptitle() == "toy miniature"
    labels = [ax.get_ylabel() for ax in figure.axes if ax.get_ylabel()]
    assert labels == ["frame", "log spectrogram\n(0–8 kHz)"]
    assert figure.axes[-1].images[0].get_extent() == [0, 3, 0, 8]


def test_clips_whose_class_is_never_seen_are_marked_and_the_legend_says_what_it_means(tmp_path):
    data = synthetic(tmp_path / "toy", clips=30, classes=3, frames=4, size=8)
    data.meta |= {"seconds": 3.0, "sample_rate": 16_000}
    records = data.records[data.records["split"] == "train"]
    second = records[records["label"] == 1]["id"].iloc[0]
    figure, chosen = clips.clips(data, "toy", unseen={second, "of another class"})
    shown = [ax for ax in figure.axes if ax.get_visible()]
    marked = [ax for ax in shown if any(line.get_marker() == "X" for line in ax.lines)]
    assert [ax.get_title(loc="left") for ax in marked] == [data.classes[1]]
    assert chosen["unseen"].tolist() == [False, True, False]
    said = [text.get_text() for text in figure.legends[0].get_texts()]
    assert said == ["never seen in this clip, only heard"]


def test_of_a_real_release_nothing_is_marked(tmp_path):
    data = synthetic(tmp_path / "toy", clips=30, classes=3, frames=4, size=8)
    data.meta |= {"seconds": 3.0, "sample_rate": 16_000}
    figure, chosen = clips.clips(data, "toy", registry.hidden("vggsound", "data", None))
    assert not figure.legends and not any(ax.lines for ax in figure.axes)
    assert "unseen" not in chosen


def test_figures_without_data_are_an_error(values):
    with pytest.raises(ValueError, match="nothing to draw for.*pmr"):
        fig5.draw(values, values, {"pmr": "PMR", "olm": "OLM"})


def test_saved_bytes_are_the_same_every_time(table, runs, tmp_path):
    for name in ("one", "two"):
        style.save(gaps(table, runs), tmp_path / name / "dots.png", table)
    for file in ("dots.png", "dots.csv"):
        first, second = ((tmp_path / name / file).read_bytes() for name in ("one", "two"))
        assert first == second
    assert b"Software" not in (tmp_path / "one" / "dots.png").read_bytes()
    assert len(pd.read_csv(tmp_path / "one" / "dots.csv")) == len(table)


def test_saving_needs_a_png_and_numbers(table, runs, tmp_path):
    figure = gaps(table, runs)
    with pytest.raises(ValueError, match="saved as .png"):
        style.save(figure, tmp_path / "dots.svg", table)
    with pytest.raises(ValueError, match="no numbers"):
        style.save(figure, tmp_path / "dots.png", table[:0])
    style.save(figure, tmp_path / "diagram" / "fig2.png", None)
    assert [path.name for path in (tmp_path / "diagram").iterdir()] == ["fig2.png"]


def test_figures_are_closed_and_the_style_stays_inside(table, runs):
    before = dict(plt.rcParams)
    gaps(table, runs)
    assert not plt.get_fignums()
    assert dict(plt.rcParams) == before


def test_letters_are_those_that_matplotlib_brings():
    with style.style():
        assert plt.rcParams["font.family"] == ["sans-serif"]
        assert plt.rcParams["font.sans-serif"] == ["DejaVu Sans"]


def test_no_rule_of_a_lesson_has_the_colour_of_a_head():
    assert not {picture.LITERAL, picture.STABLE} & set(style.COLOURS.values())


def test_no_class_has_the_colour_of_a_head():
    assert not set(style.class_palette(10)) & set(style.COLOURS.values())
    assert len(set(style.class_palette(10))) == 10
    assert len(set(style.class_palette(31))) == 31


@pytest.mark.parametrize(("notebook", "stem"), [("32_fig5", "fig5"), ("33_fig6", "fig6")])
def test_notebooks_write_their_figure(notebook, stem, root, grid, monkeypatch):
    there = grid[0].runs.parents[3]
    monkeypatch.setattr("companion.notebooks.ROOT", there)
    execute(root / "notebooks" / f"{notebook}.ipynb", out="out")
    assert (there / "out" / f"{stem}.png").is_file()
    assert set(pd.read_csv(there / "out" / f"{stem}.csv")["row"]) == set(ROWS)


def test_an_emotion_has_one_colour_in_cremad_and_in_mer2023():
    cremad = style.class_colours(("NEU", "HAP", "SAD", "FEA", "DIS", "ANG"))
    mer = style.class_colours(("neutral", "angry", "happy", "sad", "worried", "surprise"))
    pairs = {"NEU": "neutral", "HAP": "happy", "SAD": "sad", "ANG": "angry"}
    assert all(cremad[a] == mer[b] for a, b in pairs.items())
    assert len(set(cremad.values())) == len(set(mer.values())) == 6
    assert len(set(cremad.values()) | set(mer.values())) == 8
    assert list(style.class_colours(("drum", "NEU")).values()) == style.class_palette(2)


def test_figure_1_names_every_emotion_at_the_end_of_its_line():
    emotions = ("neutral", "angry", "happy", "sad", "worried", "surprise")
    curves = pd.DataFrame(
        [
            (seed, epoch, head, name, 0.1 * epoch, epoch + i)
            for seed in (0, 1)
            for epoch in (1, 2)
            for head in ("audio", "visual", "fused")
            for i, name in enumerate(emotions)
        ],
        columns=["seed", "epoch", "head", "class", "score", "norm"],
    )
    accuracy = curves[["seed", "epoch", "head"]].assign(accuracy=0.5)
    figure = fig1.draw(accuracy, curves, "MER2023 miniature, fold 0")
    for ax in figure.axes[2:]:
        assert {text.get_text() for text in ax.texts} == set(emotions)
    assert figure.get_suptitle() == "MER2023 miniature, fold 0"
