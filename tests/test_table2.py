"""Table 2: its grid, its numbers by hand, its words and its picture."""

import json

import numpy as np
import pandas as pd
import pytest
import yaml

from companion import params
from companion.runs import grid
from companion.table2 import claims, localization, numbers, picture, text
from olmlib.data.segments import Segments
from olmlib.data.synthetic import segments
from olmlib.models.ave.config import CMBSConfig

PROFILE = "smoke"


@pytest.fixture(scope="module")
def root(tmp_path_factory, request):
    """A repository with two networks' runs on tiny segments, one epoch each."""
    folder = tmp_path_factory.mktemp("table2")
    settings = yaml.safe_load((request.config.rootpath / "params.yaml").read_text())
    (folder / "params.yaml").write_text(yaml.safe_dump(settings, sort_keys=False))
    place, _, _ = grid.places(PROFILE, numbers.DATASET, folder)
    place.parent.mkdir(parents=True)
    segments(place, clips=40, classes=4, audio=8, visual=(2, 2, 12))
    return folder


@pytest.fixture(scope="module")
def runs(root):
    chosen = [r for r in numbers.runs_of(PROFILE, root) if r.name.startswith(("mafnet", "avga"))]
    grid.train_all(chosen, 1)
    return chosen


@pytest.fixture(scope="module")
def printed(tmp_path_factory):
    path = tmp_path_factory.mktemp("paper") / "table2.csv"
    path.write_text(
        "network,year,baseline,g_blend,ogm_ge,olm_conv\nAVGA,2018,72.0,72.2,72.8,72.6\n"
        "MAFnet,2021,73.2,73.8,74.1,74.8\nPSP,2021,76.2,76.5,76.9,77.3\n"
        "CMBS,2022,79.3,80.1,81.2,81.8\n"
    )
    return path


def made_up(seeds=(0, 1, 2)):
    """Return measurements: row j of network i has 0.5 + 0.1 i + 0.01 j + 0.01 seed."""
    lines = []
    for i, network in enumerate(numbers.NETWORKS):
        for j, row in enumerate(numbers.LABELS):
            for seed in seeds:
                accuracy = 0.5 + 0.1 * i + 0.01 * j + 0.01 * seed
                line = {"network": network, "row": row, "seed": seed, "clips": 40}
                line |= {"segments": 400, "identity": "0", "accuracy": accuracy}
                line |= {"best_test_accuracy": accuracy + 0.02, "last_accuracy": accuracy - 0.01}
                lines.append(line | {"audio": accuracy / 2, "visual": accuracy / 4})
    return pd.DataFrame(lines)


def test_the_grid_has_every_network_with_every_column_and_seed(request):
    runs = numbers.runs_of("mini", request.config.rootpath)
    settings = params.load()
    seeds, rows = settings.profiles["mini"].seeds, settings.table2.rows
    assert list(rows) == list(numbers.LABELS)
    assert len(runs) == 4 * 5 * len(seeds) == len({run.folder for run in runs})
    assert {numbers.cell_of(run) for run in runs} == {
        (network, row) for network in numbers.NETWORKS for row in rows
    }
    one = next(run for run in runs if run.name == "cmbs_ogm_ge")
    assert isinstance(one.config.model, CMBSConfig) and one.row.method == "ogm_ge"
    assert str(one.folder).endswith("runs/mini/table2/ave/cmbs_ogm_ge-0")


def test_a_network_has_its_own_rate_and_epochs(root):
    path = root / "params.yaml"
    settings = yaml.safe_load(path.read_text())
    settings["profiles"][PROFILE]["ave"]["own"] = {"psp": {"lr": 0.5}, "avga": {"epochs": 3}}
    other = root / "other"
    other.mkdir(exist_ok=True)
    (other / "params.yaml").write_text(yaml.safe_dump(settings, sort_keys=False))
    trains = {numbers.cell_of(run)[0]: run.config.train for run in numbers.runs_of(PROFILE, other)}
    common = settings["profiles"][PROFILE]["ave"]["train"]
    lr, epochs = common["lr"], common["epochs"]
    rates = {network: train.lr for network, train in trains.items()}
    assert rates == {"avga": lr, "mafnet": lr, "psp": 0.5, "cmbs": lr}
    lengths = {network: train.epochs for network, train in trains.items()}
    assert lengths == {"avga": 3, "mafnet": epochs, "psp": epochs, "cmbs": epochs}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"own": {"resnet": {"lr": 0.1}}}, "own values of resnet; there are avga"),
        ({"own": {"psp": {"lr": 0.0}}}, "own.psp.lr"),
        ({"own": {"psp": {"epochs": 0}}}, "own.psp.epochs"),
        ({"own": {"psp": {"momentum": 0.9}}}, "own.psp.momentum"),
        ({"model": {"avga": {"hidden": -1}}}, "model.avga.hidden is -1"),
        ({"model": {"mafnet": {"mode": "video"}}}, "one class per clip"),
        ({"model": {"vit": {}}}, "model.vit"),
    ],
)
def test_mistakes_in_the_section_are_named(root, tmp_path, change, words):
    settings = yaml.safe_load((root / "params.yaml").read_text())
    settings["profiles"][PROFILE]["ave"] |= change
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(settings))
    with pytest.raises(ValueError, match=words):
        params.load(tmp_path / "params.yaml")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda rows: rows.pop("three_heads"), "table2.*rows has no three_heads"),
        (lambda rows: rows["olm"].update(model={"hidden": 3}), "rows.olm cannot have model"),
    ],
)
def test_mistakes_in_the_columns_are_named(root, tmp_path, change, words):
    settings = yaml.safe_load((root / "params.yaml").read_text())
    change(settings["table2"]["rows"])
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(settings))
    with pytest.raises(ValueError, match=words):
        params.load(tmp_path / "params.yaml")


def test_editing_a_network_trains_the_others_not_again(root):
    by_network = {numbers.cell_of(run)[0]: run for run in numbers.runs_of(PROFILE, root)}
    sources = {name: run.identity()["sources"] for name, run in by_network.items()}
    for name, own in sources.items():
        networks = {m.rpartition(".")[2] for m in own if m.startswith("olmlib.models.ave.")}
        assert networks & set(numbers.NETWORKS) == {name}
        assert "olmlib.models.late_fusion" not in own or by_network[name].row.method == "gblend"


def test_what_runs_measured_is_what_they_left(runs):
    measured = numbers.collect(runs)
    assert len(measured) == len(runs)
    assert measured["segments"].eq(10 * measured["clips"]).all()
    for run, line in zip(runs, measured.to_dict("records"), strict=True):
        with np.load(run.folder / "predictions.npz") as arrays:
            right = (arrays["prob"].argmax(-1) == arrays["label"]).mean()
        assert line["accuracy"] == pytest.approx(right)
        assert line["best_test_accuracy"] >= line["accuracy"] - 1e-9
    assert grid.execute(runs[0]) == "reused"


def test_a_missing_run_is_not_skipped(runs, root):
    with pytest.raises(FileNotFoundError, match="runs are missing"):
        numbers.collect(numbers.runs_of(PROFILE, root))


def test_the_table_by_hand(printed):
    table = numbers.table2(made_up(), printed)
    assert len(table) == 20
    line = table[(table["network"] == "psp") & (table["row"] == "olm")].iloc[0]
    assert line["accuracy"] == pytest.approx(75.0) and line["accuracy_sd"] == pytest.approx(1.0)
    assert line["minus_baseline"] == pytest.approx(4.0)
    assert line["minus_baseline_sd"] == pytest.approx(2**0.5, abs=1e-4)
    assert line["minus_three_heads"] == pytest.approx(3.0)
    assert line["paper"] == 77.3 and line["paper_minus_baseline"] == pytest.approx(1.1)
    assert line["best_test_accuracy"] == pytest.approx(77.0)
    heads = table[table["row"] == "three_heads"]
    assert heads["paper"].isna().all() and heads["minus_three_heads"].isna().all()


def test_a_missing_seed_is_named():
    measured = made_up()
    gone = measured.drop(measured.index[-1])
    with pytest.raises(ValueError, match=r"cmbs, olm: seeds \[0, 1\], others have \[0, 1, 2\]"):
        numbers.check(gone)


def test_what_three_seeds_can_tell(printed):
    found = numbers.can_tell(numbers.table2(made_up(), printed))
    assert found.pooled_sd == pytest.approx(1.0)
    # Four columns against the baseline and three against three heads, in four networks.
    assert found.comparisons == 28
    assert found.together > found.alone > 2


def test_reference_lines_are_those_of_the_test_labels(root):
    data = Segments(grid.places(PROFILE, numbers.DATASET, root)[0])
    levels = numbers.levels(data)
    labels = data.labels[data.rows("test")]
    assert levels.background == pytest.approx(100 * np.mean(labels == 4))
    assert levels.background + levels.oracle == pytest.approx(100)
    # As the text says of the real test split: 715 of 4,020 segments are background.
    assert round(100 * (1 - 715 / 4020), 1) == 82.2


def test_the_claim_by_its_rule(printed):
    found = claims.claim(numbers.table2(made_up(), printed), "mini")
    assert found.verdict == "mini demonstrates, does not decide"
    assert found.number.startswith("OLM is above both in 4 of 4 networks; mean gains: OLM +4.0")
    # The paper: not in AVGA, where OGM-GE gains 0.8 and OLM 0.6.
    assert found.paper.startswith("above both in 3 of 4; mean gains: OLM +1.4, G-Blend +0.5")
    assert found.margin.startswith("0.7 points"), "half of 1.45"
    lower = made_up()
    lower.loc[lower["row"] == "olm", "accuracy"] -= 0.1
    assert claims.claim(numbers.table2(lower, printed), "mini").number.startswith(
        "OLM is above both in 0 of 4 networks"
    )


def test_the_page_says_what_a_reader_must_know(runs, printed):
    table = numbers.table2(made_up(), printed)
    page = text.page(table, numbers.Levels(17.8, 82.2), runs, "mini", "make reproduce")
    for words in (
        "| AVGA", "MAFnet (lite)", "| the paper, on real recordings", "Three heads (all w = 1)",
        'Always answering "background" scores 17.8', "Best test epoch", "it is too good",
        "28 comparisons judged together", "mini demonstrates, does not decide",
        "for 0.25 of the epochs", "Made by `make reproduce`",
    ):  # fmt: skip
        assert words in page, words
    assert "nan" not in page


def test_the_picture_shows_every_seed_and_both_levels(printed):
    measured = made_up()
    table = numbers.table2(measured, printed)
    figure = picture.dots(table, measured, numbers.Levels(17.8, 82.2), "AVE miniature")
    left, right = figure.axes
    rings = [line for line in left.lines if line.get_marker() == "o"]
    assert sum(len(line.get_xdata()) for line in rings) == 60
    assert {17.8, 82.2} <= {line.get_xdata()[0] for line in left.lines if line.get_ls() != "None"}
    (diamonds,) = [line for line in right.lines if line.get_marker() == "D"]
    assert np.isfinite(np.asarray(diamonds.get_xdata(), float)).sum() == 12
    json.dumps([text.get_text() for text in left.get_yticklabels()])
    assert "MAFnet (lite)" in [text.get_text() for text in left.get_yticklabels()]


def test_where_avga_looks(runs, root):
    run = localization.first_of(runs, "baseline")["AVGA"]
    data = run.data()
    rows = localization.telling(data, 2)
    background = len(data.classes) - 1
    for row in rows:
        assert row in data.rows("test")
        assert 0 < (data.labels[row] != background).sum() < data.labels.shape[1]
    weights = localization.looks(run, data, rows)
    assert weights.shape == (len(rows), 10, 2, 2)
    np.testing.assert_allclose(weights.sum((2, 3)), 1, rtol=1e-5)
    frames = {rows[0]: np.zeros((10, 8, 8, 3), np.uint8)}
    figure, shown = localization.attention(weights, frames, rows, data)
    assert len(shown) == weights.size
    one = shown.query("second == 3 and line == 1 and column == 0")
    assert one["weight"].tolist() == weights[:, 3, 1, 0].tolist()
    assert one["clip"].tolist() == data.records.loc[rows, "id"].tolist()
    pictures = [len(ax.images) for ax in figure.axes[: 10 * len(rows)]]
    assert pictures == [2] * 10 + [1] * 10 * (len(rows) - 1), "frames lie under the first clip"


def test_clips_with_a_video_may_be_of_any_split_and_test_clips_come_first(root):
    data = Segments(grid.places(PROFILE, numbers.DATASET, root)[0])
    every = localization.telling(data, 9, data.records["id"].tolist())
    classes = [data.labels[row].min() for row in every]
    assert len(set(classes)) == len(classes)
    test = localization.telling(data, 9)
    assert set(test) <= set(every)
    assert localization.telling(data, 9, []) == []


def test_an_even_gaze_and_a_fixed_one_by_hand():
    even = np.full((1, 3, 2, 2), 0.25)
    fixed = np.zeros((1, 3, 2, 2))
    fixed[..., 0, 1] = 1.0
    (line,) = localization.looked_at(even).to_dict("records")
    assert line == pytest.approx({"locations": 4, "effective": 4, "largest": 0.25, "moves": 0})
    (line,) = localization.looked_at(fixed).to_dict("records")
    assert line == pytest.approx({"locations": 4, "effective": 1, "largest": 1, "moves": 0})
    fixed[:, 1] = fixed[:, 1, ::-1]
    assert localization.looked_at(fixed)["moves"].item() == pytest.approx(1)


def test_mistakes_by_hand():
    labels = pd.DataFrame({"label": [0, 0, 0, 2], "predicted": [0, 1, 2, 1], "network": "AVGA"})
    (line,) = localization.errors(labels, background=2).to_dict("records")
    assert line == {
        "network": "AVGA", "right": 25, "missed": 25, "invented": 25, "confused": 25
    }  # fmt: skip
    figure = localization.mistakes(localization.errors(labels, 2), numbers.Levels(25, 75))
    assert [round(bar.get_width()) for bar in figure.axes[0].patches] == [25] * 4


def test_what_networks_say_is_what_their_runs_left(runs):
    first = localization.first_of(runs, "olm")
    assert list(first) == ["AVGA", "MAFnet (lite)"]
    said = localization.said(first)
    data = first["AVGA"].data()
    for name, run in first.items():
        own = said[said["network"] == name]
        share = (own["label"] == own["predicted"]).mean()
        metrics = json.loads((run.folder / "metrics.json").read_text())
        assert share == pytest.approx(metrics["test"]["accuracy"])
        truth = own.pivot(index="row", columns="second", values="label")
        assert (truth.to_numpy() == data.labels[truth.index]).all()
    figure = localization.timelines(said, localization.telling(data, 3), data)
    shown = [ax for ax in figure.axes if ax.get_visible()]
    assert all(len(ax.patches) == 3 * 10 for ax in shown) and 1 <= len(shown) <= 3
