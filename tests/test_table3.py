import json

import numpy as np
import pandas as pd
import pytest
import tiny_mer
import yaml

from olmlib import params, runs, table3
from olmlib.data import mer2023
from olmlib.data.prepare_sequences import prepare_sequences

SMALL = {"n_layers": 1, "d_model": 8, "n_heads": 2, "ffn_dim": 8, "n_bottleneck": 2}


@pytest.fixture(scope="module")
def root(tmp_path_factory, repository):
    """A repository with the trained grid of two combinations on a tiny release."""
    folder = tmp_path_factory.mktemp("table3")
    settings = yaml.safe_load((repository / "params.yaml").read_text())
    section = settings["profiles"]["smoke"]["mer2023"]
    section["prepare"] = tiny_mer.config().model_dump(mode="json")
    section["model"] = SMALL
    section["train"] |= {"epochs": 2, "batch_size": 8}
    kept = ("A", "T", "A+V", "A+T")
    settings["table3"]["combinations"] = {k: settings["table3"]["combinations"][k] for k in kept}
    (folder / "params.yaml").write_text(yaml.safe_dump(settings, sort_keys=False))
    release = mer2023.load(tiny_mer.write(folder / "raw"), tiny_mer.config())
    prepare_sequences(release, folder / "prepared/smoke/mer2023", tiny_mer.config())
    runs.train_grid(table3.grid("smoke", folder), 1)
    return folder


@pytest.fixture(scope="module")
def repository(request):
    return request.config.rootpath


@pytest.fixture(scope="module")
def settings(root):
    return params.load(root / "params.yaml")


@pytest.fixture(scope="module")
def measured(root):
    return table3.collect(table3.grid("smoke", root))


def test_the_grid_has_every_cell_with_every_seed_and_fold(repository):
    grid = table3.grid("mini", repository)
    names = {run.name for run in grid}
    assert len(names) == 4 + 8 * 3 + 1
    assert len(grid) == len(names) * 3 * 5 == len({run.folder for run in grid})
    irfb = [run for run in grid if run.name == "olm_t_irfb_AVTH"]
    assert {run.config.model.fusion for run in irfb} == {"irfb"}
    assert irfb[0].config.model.modalities == ("audio", "visual", "text", "hog")
    assert irfb[0].row.method == "olm"


def test_a_run_of_another_fold_or_another_fusion_is_another_run(root):
    grid = table3.grid("smoke", root)
    by_name = {run.folder.name: run.identity()["identity"] for run in grid}
    assert len(set(by_name.values())) == len(grid)


def test_editing_irfb_trains_no_row_of_table_1_again(root):
    run = table3.grid("smoke", root)[0]
    assert "olmlib.irfb" in run.identity()["sources"]
    assert "olmlib.models.late_fusion" not in run.identity()["sources"]


def test_finished_runs_are_reused(root):
    assert runs.execute(table3.grid("smoke", root)[0]) == "reused"


def test_cross_validation_is_the_mean_over_folds_of_the_selected_epoch(root, measured):
    grid = [r for r in table3.grid("smoke", root) if r.name == "olm_t_mbt_AV" and r.seed == 1]
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
    grid = [r for r in table3.grid("smoke", root) if r.name == "unimodal_T" and r.seed == 0]
    arrays = [np.load(run.folder / "predictions.npz") for run in grid]
    valence = np.mean([a["valence_text"] for a in arrays], axis=0)
    truth = grid[0].data().valence[arrays[0]["row"]]
    cell = measured.query("row == 'unimodal_T' and seed == 0 and protocol == 'test'")
    assert cell["mse"].item() == pytest.approx(np.mean((valence - truth) ** 2), rel=1e-5)
    assert cell["clips"].item() == 12


def test_a_combination_of_one_modality_is_one_row_in_all_columns(settings, measured, repository):
    printed = repository / "data/paper/table3.csv"
    table = table3.table3(measured, settings.table3, printed)
    assert len(table) == 4 * 3 * 2
    alone = table[table["modalities"] == "A"]
    assert set(alone["row"]) == {"unimodal_A"} and alone["f1_gap"].isna().all()
    assert alone.groupby("protocol")["f1"].nunique().eq(1).all()
    assert alone["f1_paper"].eq(65.7).all() and alone["mse_paper"].eq(1.27).all()
    pair = table[(table["modalities"] == "A+V") & (table["protocol"] == "cv")].set_index("fusion")
    assert pair.loc["olm_t_irfb", "f1_paper"] == 80.8
    gap = pair.loc["olm_t_irfb", "f1"] - pair.loc["attention", "f1"]
    assert pair.loc["olm_t_irfb", "f1_gap"] == pytest.approx(gap)
    text = table3.markdown(table, "cv", "mse")
    assert text.loc["A+V", "olm_t_irfb, paper"] == "0.76" and "±" in text.loc["A", "attention"]


def test_claims_and_control_say_yes_only_beyond_the_interval(settings, measured, repository):
    printed = repository / "data/paper/table3.csv"
    answers = table3.claims(measured, settings.table3, printed)
    assert len(answers) == 3 * 2 * 2
    assert set(answers["answer"]) <= {"yes", "no, the other way", "not shown"}
    better = measured.assign(f1=measured["f1"].where(~measured["row"].str.contains("irfb"), 2.0))
    better.loc[better["row"].str.contains("mbt"), "f1"] = 1.0
    answers = table3.claims(better, settings.table3, printed)
    first = answers.query("claim == 'IRFB is better than MBT' and measure == 'F1, points'")
    assert first["answer"].tolist() == ["yes", "yes"]
    assert len(table3.control(measured, settings.table3)) == 4


def test_a_missing_run_is_an_error(root, tmp_path):
    grid = table3.grid("smoke", root)
    gone = [grid[0].__class__(**{**grid[0].__dict__, "runs": tmp_path})]
    with pytest.raises(FileNotFoundError, match="1 of 1 runs are missing"):
        table3.collect(gone)


def test_the_floor_of_a_constant(root):
    data = table3.grid("smoke", root)[0].data()
    floors = table3.floors(data)
    # Two test clips of each of six emotions: precision 1/6 and recall 1 in one class of weight 1/6.
    np.testing.assert_allclose(floors["f1"], 100 / 6 * 2 / 7)


def test_a_profile_without_mer2023_says_so(root):
    text = (root / "params.yaml").read_text()
    assert "mer2023" in text
    with pytest.raises(ValueError, match="no profile 'giant'"):
        table3.grid("giant", root)
