import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tiny_mer
import yaml

from companion import params
from companion.data import mer2023
from companion.data.prepare_sequences import prepare_sequences
from companion.runs import grid
from companion.table3 import card, challenge, claims, numbers, options, picture, text
from olmlib.config import TransformerConfig

SMALL = {"n_layers": 1, "d_model": 8, "n_heads": 2, "ffn_dim": 8, "n_bottleneck": 2}


@pytest.fixture(scope="module")
def root(tmp_path_factory, repository):
    """A repository with the trained grid of two combinations on a tiny release."""
    folder = tmp_path_factory.mktemp("table3")
    settings = yaml.safe_load((repository / "params.yaml").read_text())
    section = settings["profiles"]["smoke"]["mer2023"]
    section["prepare"] = tiny_mer.config().model_dump(mode="json")
    section["model"] = SMALL
    section["every_fold"] = True
    section["train"] |= {"epochs": 2, "batch_size": 8}
    kept = ("A", "T", "A+V", "A+T")
    settings["table3"]["combinations"] = {k: settings["table3"]["combinations"][k] for k in kept}
    (folder / "params.yaml").write_text(yaml.safe_dump(settings, sort_keys=False))
    release = mer2023.load(tiny_mer.write(folder / "raw"), tiny_mer.config())
    prepare_sequences(release, folder / "prepared/smoke/mer2023", tiny_mer.config())
    grid.train_all(numbers.runs_of("smoke", folder) + options.runs_of("smoke", folder), 1)
    return folder


@pytest.fixture(scope="module")
def repository(request):
    return request.config.rootpath


@pytest.fixture(scope="module")
def settings(root):
    return params.load(root / "params.yaml")


@pytest.fixture(scope="module")
def measured(root):
    return numbers.collect(numbers.runs_of("smoke", root))


def test_the_grid_has_every_cell_with_every_seed_and_fold(repository):
    grid = numbers.runs_of("paper", repository)
    names = {run.name for run in grid}
    assert len(names) == 4 + 8 * 3 + 1
    assert len(grid) == len(names) * 3 * 5 == len({run.folder for run in grid})
    irfb = [run for run in grid if run.name == "olm_t_irfb_AVTH"]
    assert {run.config.model.fusion for run in irfb} == {"irfb"}
    assert irfb[0].config.model.modalities == ("audio", "visual", "text", "hog")
    assert irfb[0].row.method == "olm"


def test_where_seeds_take_turns_at_the_folds_every_clip_is_held_out_once(repository):
    grid = numbers.runs_of("mini", repository)
    cells = {(run.name, run.seed): run.fold for run in grid}
    assert len(cells) == len(grid) == (4 + 8 * 3 + 1) * 3
    assert all(fold == seed for (_, seed), fold in cells.items())
    assert numbers.one_per_seed(grid, "unimodal_A") == [r for r in grid if r.name == "unimodal_A"]


def test_one_run_per_seed_is_that_of_its_first_fold(repository):
    grid = numbers.runs_of("paper", repository)
    found = numbers.one_per_seed(grid, "unimodal_A")
    assert [(run.seed, run.fold) for run in found] == [(0, 0), (1, 0), (2, 0)]


def test_a_run_of_another_fold_or_another_fusion_is_another_run(root):
    grid = numbers.runs_of("smoke", root)
    by_name = {run.folder.name: run.identity()["identity"] for run in grid}
    assert len(set(by_name.values())) == len(grid)


def test_editing_irfb_trains_no_row_of_table_1_again(root):
    run = numbers.runs_of("smoke", root)[0]
    assert "olmlib.irfb" in run.identity()["sources"]
    assert "olmlib.models.late_fusion" not in run.identity()["sources"]


def test_finished_runs_are_reused(root):
    assert grid.execute(numbers.runs_of("smoke", root)[0]) == "reused"


def test_cross_validation_is_the_mean_over_folds_of_the_selected_epoch(root, measured):
    grid = [r for r in numbers.runs_of("smoke", root) if r.name == "olm_t_mbt_AV" and r.seed == 1]
    values = []
    for run in grid:
        epochs = pd.read_csv(run.folder / "epochs.csv")
        best = epochs.loc[epochs["dev_combined"].idxmax()]
        chosen = json.loads((run.folder / "metrics.json").read_text())["selected_epoch"]
        assert chosen == best["epoch"]
        values.append(best["dev_f1"])
    cell = measured.query("row == 'olm_t_mbt_AV' and seed == 1 and protocol == 'cv'")
    assert cell["f1"].item() == pytest.approx(np.mean(values))
    assert cell["clips"].item() == 24


def test_the_held_out_test_averages_the_folds_predictions(root, measured):
    grid = [r for r in numbers.runs_of("smoke", root) if r.name == "unimodal_T" and r.seed == 0]
    arrays = [np.load(run.folder / "predictions.npz") for run in grid]
    valence = np.mean([a["valence_text"] for a in arrays], axis=0)
    truth = grid[0].data().valence[arrays[0]["row"]]
    cell = measured.query("row == 'unimodal_T' and seed == 0 and protocol == 'test'")
    assert cell["mse"].item() == pytest.approx(np.mean((valence - truth) ** 2), rel=1e-5)
    assert cell["clips"].item() == 12


def test_what_an_encoder_reaches_inside_irfb_is_its_own_heads_accuracy(root, settings):
    grid = numbers.runs_of("smoke", root)
    reached = claims.encoders(grid, settings.table3)
    assert list(reached["modality"].unique()) == ["audio"]
    line = reached.query("modality == 'audio' and seed == 1").iloc[0]
    for column, row in (("inside", "olm_t_irfb_AV"), ("alone", "unimodal_A")):
        files = [r.folder / "metrics.json" for r in grid if (r.name, r.seed) == (row, 1)]
        scores = [json.loads(file.read_text())["test"]["accuracy_audio"] for file in files]
        assert line[column] == pytest.approx(np.mean(scores))


def test_a_combination_of_one_modality_stands_once(settings, measured, repository):
    printed = repository / "data/paper/table3.csv"
    table = numbers.table3(measured, settings.table3, printed)
    # Two single modalities once, two pairs with three fusions, by two protocols.
    assert len(table) == (2 + 2 * 3) * 2
    alone = table[table["modalities"] == "A"]
    assert set(alone["row"]) == {"unimodal_A"} and alone["f1_gap"].isna().all()
    assert alone["protocol"].tolist() == ["cv", "test"] and set(alone["fusion"]) == {"unimodal"}
    assert alone["f1_paper"].eq(65.7).all() and alone["mse_paper"].eq(1.27).all()
    pair = table[(table["modalities"] == "A+V") & (table["protocol"] == "cv")].set_index("fusion")
    assert pair.loc["olm_t_irfb", "f1_paper"] == 80.8
    gap = pair.loc["olm_t_irfb", "f1"] - pair.loc["attention", "f1"]
    assert pair.loc["olm_t_irfb", "f1_gap"] == pytest.approx(gap)
    cells = text.markdown(table, "cv", "mse")
    assert list(cells.index) == ["A", "T", "A+V", "A+T"]
    assert cells.loc["A+V", "OLM-T-IRFB, paper"] == "0.76" and "±" in cells.loc["A", "Alone"]
    assert cells.loc["A", "Alone, paper"] == "1.27"
    assert cells.loc["A", "Attention"] == cells.loc["A+V", "Alone"] == ""


def test_differences_are_unpaired_and_under_them_stands_what_they_can_tell(
    settings, measured, repository
):
    table = numbers.table3(measured, settings.table3, repository / "data/paper/table3.csv")
    one, base = (
        100 * numbers.cell(measured, fusion, "A+V", "test")["f1"].to_numpy()
        for fusion in ("olm_t_irfb", "attention")
    )
    line = table.query("row == 'olm_t_irfb_AV' and protocol == 'test'").iloc[0]
    assert line["f1_gap_sd"] == pytest.approx((one.var(ddof=1) + base.var(ddof=1)) ** 0.5)
    own = table[table["protocol"] == "test"]
    found = numbers.can_tell(own, "f1")
    assert found.comparisons == 2 * 2
    page = text.tables(table)
    assert page.count("What this table can tell") == 4 and "4 comparisons judged" in page
    assert f"{found.pooled_sd:.1f} |" in page


def test_the_page_says_whose_data_and_how_it_was_measured(root, settings, measured, repository):
    table = numbers.table3(measured, settings.table3, repository / "data/paper/table3.csv")
    page = text.page(table, numbers.runs_of("smoke", root), "make reproduce")
    assert page.startswith("# Table 3") and "MER2023 here is a miniature" in page
    assert (
        "seeds 0, 1; 2 folds, every seed on every fold; 2 epochs, batch 8" in page
        and "`make reproduce`" in page
    )
    assert "olm_t_irfb" not in page and page.count("\n| modalities") == 4 and "\\*" not in page
    real = [replace(r, config=r.config.model_copy(update={"miniature": None}))
            for r in numbers.runs_of("smoke", root)]  # fmt: skip
    assert "miniature" not in text.notes(real, "make reproduce")


def test_the_official_preset_goes_over_the_profile_and_under_the_row():
    mini = TransformerConfig(n_layers=2, d_model=8, n_heads=2, dropout=0.0)
    fields = {"preset": "official", "eq4_pool": "token"}

    def made(fields):
        row = params.Row(method="olm", model=fields)
        return numbers.model(mini, ("audio", "visual"), row)

    model = made(fields)
    assert model.n_layers == 3 and model.token_init == "zeros" and model.pos == "none"
    assert model.eq4_pool == "token" and model.d_model == 8 and model.dropout == 0.0
    assert made(fields | {"n_layers": 1}).n_layers == 1
    assert made({"fusion": "mbt"}).n_layers == 2
    with pytest.raises(ValueError, match="preset is 'code', not one of official"):
        made({"preset": "code"})


@pytest.mark.parametrize(("profile", "folds"), [("mini", {0, 1, 2}), ("paper", {0})])
def test_controls_differ_from_irfb_in_what_they_name_and_in_no_fold(repository, profile, folds):
    grid, base = (f(profile, repository) for f in (options.runs_of, options.defaults))
    assert len(grid) == 8 * 3 and len(base) == 3
    assert {run.seed: run.fold for run in grid} == {run.seed: run.fold for run in base}
    assert {run.fold for run in base} == folds
    default = base[0].config.model
    for run in grid:
        fields = run.row.model.items() - base[0].row.model.items()
        # How late fusion weights its inputs shows only where there is late fusion.
        assert len(fields) == 1 + (run.name == "control_raw_weights")
        assert run.row.options == base[0].row.options
        changed = {k for k, v in asdict(run.config.model).items() if v != getattr(default, k)}
        official = run.name == "control_official"
        assert changed == {name for name, _ in fields} or official and "n_layers" in changed


def test_a_misspelt_control_is_refused_when_params_are_read(root, tmp_path):
    text = (root / "params.yaml").read_text().replace("eq4_pool: token", "eq4_pol: token")
    (tmp_path / "params.yaml").write_text(text)
    with pytest.raises(ValueError, match=r"table3.controls.token.model.eq4_pol is no option"):
        params.load(tmp_path / "params.yaml")


def test_effects_are_differences_to_the_default_of_the_same_fold(root, settings):
    grid, base = (f("smoke", root) for f in (options.runs_of, options.defaults))
    table = options.effects(grid, base, settings.table3)
    assert len(table) == 8 * 2 and set(table["split"]) == {"dev", "test"}
    assert np.allclose(table["f1_gap"], table["f1"] - table["default_f1"])
    line = table.query("control == 'token' and split == 'test'")
    gaps = []
    for run, other in zip([r for r in grid if r.name == "control_token"], base, strict=True):
        both = [json.loads((r.folder / "metrics.json").read_text())["test"] for r in (run, other)]
        gaps.append(100 * (both[0]["f1"] - both[1]["f1"]))
    assert line["f1_gap"].item() == pytest.approx(np.mean(gaps))
    assert len(options.shown(table)) == 8


def test_the_card_asks_the_two_stated_properties_by_both_protocols(root, settings, measured):
    data = numbers.runs_of("smoke", root)[0].data()
    table = settings.table3.model_copy(
        update={"combinations": {"A": ("audio",), "V": ("visual",), "T": ("text",)}}
    )
    scores = {"unimodal_A": 0.9, "unimodal_V": 0.6, "unimodal_T": 0.01}
    lines = [
        (row, seed, protocol, f1 + 0.01 * seed, 1.0, 12)
        for row, f1 in scores.items() for protocol in numbers.PROTOCOLS for seed in (0, 1, 2)
    ]  # fmt: skip
    stated = card.card(pd.DataFrame(lines, columns=measured.columns), table, data)
    assert len(stated) == 2 * (3 + 3)
    assert list(stated.columns) == "protocol property claim measured sd holds".split()
    holds = stated[stated["protocol"] == "held-out test"].set_index("property")["holds"]
    assert holds["audio minus visual, weighted F1"] == "yes"
    assert holds["visual minus text, weighted F1"] == "yes"
    assert holds["text, weighted F1"] == "no" and holds["audio, weighted F1"] == "yes"
    floor = numbers.floors(data)["f1"].max() / 100
    assert card.constant(data, "test") == pytest.approx(floor)
    assert len(card.card(measured, settings.table3, data)) == 2 * (1 + 2)


def test_the_papers_attention_column_beside_the_challenges(repository):
    found = challenge.compared(repository / "data/paper/table3.csv")
    assert found["equals_cv"].sum() == 5 and found["equals_test"].sum() == 0


def test_claims_and_control_are_numbers_without_a_verdict(settings, measured, repository):
    printed = repository / "data/paper/table3.csv"
    answers = claims.fusions(measured, settings.table3, printed)
    assert len(answers) == 3 * 2 * 2
    assert list(answers) == ["claim", "protocol", "measure", "difference", "paper"]
    irfb, mbt = (measured["row"].str.contains(fusion) for fusion in ("irfb", "mbt"))
    better = measured.assign(f1=measured["f1"].mask(irfb, 0.8 + 0.01 * measured["seed"]))
    better.loc[mbt, "f1"] = 0.7
    answers = claims.fusions(better, settings.table3, printed)
    first = answers.query("claim == 'IRFB is better than MBT' and measure == 'F1, points'")
    # Seeds 0 and 1: 80 and 81 against 70, with an SD of 1 / sqrt 2.
    assert first["difference"].tolist() == ["+10.50 ± 0.71"] * 2
    assert list(claims.control(measured, settings.table3)) == ["protocol", "measure", "difference"]


def test_a_missing_run_is_an_error(root, tmp_path):
    grid = numbers.runs_of("smoke", root)
    gone = [grid[0].__class__(**{**grid[0].__dict__, "runs": tmp_path})]
    with pytest.raises(FileNotFoundError, match="1 of 1 runs are missing"):
        numbers.collect(gone)


def test_the_floor_of_a_constant(root):
    data = numbers.runs_of("smoke", root)[0].data()
    floors = numbers.floors(data)
    # Two test clips of each of six emotions: precision 1/6 and recall 1 in one class of weight 1/6.
    np.testing.assert_allclose(floors["f1"], 100 / 6 * 2 / 7)


def test_a_profile_without_mer2023_says_so(root):
    written = (root / "params.yaml").read_text()
    assert "mer2023" in written
    with pytest.raises(ValueError, match="no profile 'giant'"):
        numbers.runs_of("giant", root)


def test_the_table_in_git_has_every_cell_by_both_protocols_and_three_seeds():
    table = pd.read_csv(Path(__file__).parent.parent / "results" / "mini" / "table3.csv")
    several = table[table["modalities"].str.contains("+", regex=False)]
    cells = several.groupby("protocol")[["modalities", "fusion"]].value_counts()
    assert len(cells) == 2 * 8 * 3 and cells.eq(1).all() and table["seeds"].eq(3).all()
    assert table["modalities"].nunique() == 12


def test_the_figure_shows_a_single_modality_once_and_the_papers_number_by_the_fusions_marker(
    settings, measured, repository
):
    table = numbers.table3(measured, settings.table3, repository / "data/paper/table3.csv")
    figure = picture.dots(table, measured, "test", "toy")
    cells = table[table["protocol"] == "test"].set_index(["modalities", "fusion"])
    kinds = {fusion: marker for fusion, (_, _, marker) in picture.FUSIONS.items()}
    lines = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert lines == ["A", "T", "A+V", "A+T"]
    for ax, measure in zip(figure.axes, numbers.MEASURES, strict=True):
        drawn = [
            (line.get_marker(), line.get_markerfacecolor() == "none", line.get_xdata()[0])
            for line in ax.lines
            if line.get_marker() in (picture.UNIMODAL[2], *kinds.values())
        ]
        assert len(drawn) == 2 * (2 + 2 * 3)
        for fusion, marker in kinds.items():
            for letters in ("A+V", "A+T"):
                cell = cells.loc[(letters, fusion)]
                assert (marker, False, cell[measure]) in drawn
                assert (marker, True, cell[f"{measure}_paper"]) in drawn
        alone = [hollow for marker, hollow, _ in drawn if marker == "D"]
        assert sorted(alone) == [False, False, True, True]
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert "the paper, on real recordings" in names and "one modality" in names


def test_the_figure_shows_every_seed_in_the_unit_of_the_axis(settings, measured, repository):
    table = numbers.table3(measured, settings.table3, repository / "data/paper/table3.csv")
    f1, _ = picture.dots(table, measured, "cv").axes
    seeds = [line.get_xdata() for line in f1.lines if line.get_marker() == "|"]
    own = measured[(measured["row"] == "unimodal_A") & (measured["protocol"] == "cv")]["f1"]
    assert len(seeds) == 2 + 2 * 3
    assert any(sorted(x) == sorted(100 * own) for x in seeds)


def test_a_fusion_of_ones_own_has_a_column_and_a_marker_and_no_number_of_the_paper(
    settings, measured, repository
):
    own = measured[measured["row"].str.startswith("olm_t_irfb")]
    own = own.assign(row=own["row"].str.replace("olm_t_irfb", "mine"))
    more = pd.concat([measured, own], ignore_index=True)
    fusions = dict(settings.table3.fusions)
    with_own = settings.table3.model_copy(
        update={"fusions": fusions | {"mine": fusions["olm_t_irfb"]}}
    )
    printed = repository / "data/paper/table3.csv"
    table = numbers.table3(more, with_own, printed)
    before = numbers.table3(measured, settings.table3, printed)
    assert table[table["fusion"] != "mine"].reset_index(drop=True).equals(before)
    mine, irfb = (table[table["fusion"] == name] for name in ("mine", "olm_t_irfb"))
    assert len(mine) == 2 * len(numbers.PROTOCOLS) and mine["f1_paper"].isna().all()
    assert mine["f1"].tolist() == irfb["f1"].tolist()
    shown = text.markdown(table, "test", "f1")
    assert "mine" in shown and "mine, paper" not in shown and "OLM-T-IRFB, paper" in shown
    looks = picture.kinds(with_own.fusions)
    assert len(set(looks.values())) == len(looks) == 4
    figure = picture.dots(table, more, "test")
    assert "mine" in [entry.get_text() for entry in figure.legends[0].get_texts()]
