"""A tiny study from end to end: folds, tuning, training, what is read and what is refused."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import yaml

from companion.data.vectors import Vectors, prepare_vectors
from companion.runs.sources import ROOT
from companion.study import grid, progress, recordings, repeat, runs, work
from companion.study.__main__ import bill
from companion.study.grid import Choice, Study, best

CLIPS, FOLDS = 72, 3


def vectors(folds=FOLDS):
    """Six people, each with clips of three classes; audio tells the class better than visual."""
    rng = np.random.default_rng(0)
    labels = np.arange(CLIPS) % 3
    people = np.arange(CLIPS) // 12
    arrays = {
        m: noise * rng.normal(size=(CLIPS, d)) + rng.normal(size=(3, d))[labels]
        for m, d, noise in (("audio", 5, 0.5), ("visual", 4, 2.0))
    }
    ids = tuple(f"c{i}" for i in range(CLIPS))
    groups = tuple(f"p{p}" for p in people)
    return Vectors("made", ("a", "b", "c"), ids, labels, groups, people % folds, arrays)


def values(**study):
    """Return params.yaml with a study of three rows, two rates and two seeds."""
    tree = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    tree["study"] |= {"workers": 1, "rows": ["concat", "three_heads", "olm_constant"], "only": {}}
    own = {"olm_constant": {"constant": [0.8, 0.5]}}
    tree["study"]["tuning"] |= {"seeds": [100], "rates": [0.5, 1], "last": 1, "own": own}
    tree["study"]["miniatures"] |= {"rows": ["concat"], "seeds": 1}
    one = tree["study"]["recordings"]["ravdess"]
    one["prepare"] |= {"folds": FOLDS}
    one["model"] |= {"hidden": [8]}
    one["train"] |= {"epochs": 2, "batch_size": 16, "lr": 0.1}
    one["seeds"] = 2
    for own in (*tree["study"]["recordings"].values(), tree["study"]["miniatures"]):
        own["tuned_on"] = 1
    tree["study"] |= study
    return tree


def place(folder, tree):
    (folder / "study").mkdir(parents=True)
    (folder / progress.COSTS).write_bytes((ROOT / progress.COSTS).read_bytes())
    (folder / "params.yaml").write_text(yaml.safe_dump(tree, sort_keys=False), encoding="utf-8")
    return Study(folder)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A study of one set of made recordings, tuned and trained."""
    with pytest.MonkeyPatch.context() as patch:

        def prepare(raw, folder, config, fold, workers):
            return prepare_vectors(vectors(config.folds), folder, config, fold)

        entry = replace(recordings.RECORDINGS["ravdess"], prepare=prepare)
        patch.setitem(recordings.RECORDINGS, "ravdess", entry)
        made = place(tmp_path_factory.mktemp("study"), values())
        patch.setattr(runs, "_study", lambda: made)
        work.prepare(made, "ravdess", 1)
        work.tune(made, "ravdess", 1)
        work.train(made, "ravdess", 1)
        yield made


ROWS = ["audio_only", "visual_only", "concat", "three_heads", "olm_constant"]


def whole_grid(study):
    return pd.read_csv(study.place("ravdess", tuning=True) / work.TUNING)


def test_every_row_has_the_same_budget_and_its_best_is_chosen_within_each_fold(study):
    table = whole_grid(study)
    assert list(dict.fromkeys(table["row"])) == ROWS
    for (row, _), part in table.groupby(["row", "fold"]):
        tried = part.drop_duplicates(["lr", "value"])
        assert sorted(set(tried["lr"])) == [0.05, 0.1]
        assert len(tried) == (3 if row == "olm_constant" else 2)
        (chosen,) = part.loc[part["chosen"], "dev_accuracy"].unique()
        assert chosen == part["dev_accuracy"].max()
        assert part.loc[part["dev_accuracy"].idxmax(), "chosen"], "of equal values the first"
    assert {*table["seed"]} == {100} and not {*table["seed"]} & {*study.seeds("ravdess")}


def test_a_reported_run_has_what_was_chosen_for_its_fold(study):
    table = whole_grid(study).query("chosen")
    for run in runs.reported("ravdess"):
        own = table.query("row == @run.name and fold == @run.fold").iloc[0]
        assert run.config.train.lr == own["lr"]
        assert run.row.options.get("constant") == (None if pd.isna(own["value"]) else own["value"])


def test_a_rate_at_which_a_row_diverges_is_not_chosen(study, tmp_path):
    tree = values(rows=["concat"])
    tree["study"]["tuning"] |= {"rates": [1e20, 1], "own": {}}
    made = place(tmp_path, tree)
    work.prepare(made, "ravdess", 1)
    table = work.tune(made, "ravdess", 1)
    assert (table.loc[table["lr"] > 1, "dev_accuracy"] == 0).all()
    assert {*table.loc[table["chosen"], "lr"]} == {0.1}
    assert {choice.lr for choice in work.choices(made, "ravdess").values()} == {0.1}
    tree["study"]["tuning"] |= {"rates": [1e20]}
    made = place(tmp_path / "again", tree)
    work.prepare(made, "ravdess", 1)
    work.tune(made, "ravdess", 1)
    with pytest.raises(RuntimeError, match="runs failed:\n.*FloatingPointError"):
        work.train(made, "ravdess", 1)


def test_every_clip_is_tested_once_by_every_row_and_seed_and_nobody_is_known(study):
    clips = runs.clips("ravdess")
    for _, part in clips.groupby(["row", "seed"]):
        assert sorted(part["id"]) == sorted(f"c{i}" for i in range(CLIPS))
        assert (part.groupby("group")["fold"].nunique() == 1).all()
    whole = clips.groupby(["row", "seed", "fold"])["correct"].mean()
    frame = runs.frame("ravdess").set_index(["row", "seed", "fold"])
    pd.testing.assert_series_equal(
        whole.sort_index(), frame["accuracy"].sort_index(), check_names=False
    )
    assert (frame["test_clips"] == CLIPS / FOLDS).all() and (frame["seconds"] > 0).all()
    assert list(dict.fromkeys(runs.frame("ravdess")["row"])) == ROWS


def test_the_history_of_norms_updates_and_coefficients_is_kept(study):
    epochs = runs.epochs("ravdess")
    assert sorted(set(epochs["epoch"])) == [1, 2]
    own = epochs.query("row == 'olm_constant'")
    assert (own[["norm_audio", "norm_visual", "norm_fused", "update_audio"]] > 0).all(axis=None)
    assert own["w_audio"].isin([0.5, 0.8]).all()
    assert epochs.query("row == 'concat'")["w_audio"].isna().all()


def test_what_is_done_is_not_done_again_and_what_was_lost_is(study, capsys):
    runs_there = study.reported("ravdess", work.choices(study, "ravdess"))
    victim = runs_there[3].folder
    before = {path.name: path.read_bytes() for path in victim.iterdir()}
    for path in victim.iterdir():
        path.unlink()
    victim.rmdir()
    work.train(study, "ravdess", 1)
    assert {path.name: path.read_bytes() for path in victim.iterdir()} == before
    said = capsys.readouterr().out.splitlines()[-1]
    assert said.startswith("ravdess, training: 30 of 30 runs, 29 of them were there; left are")


def test_a_grid_of_other_values_is_not_taken(study, tmp_path):
    changed = values()
    changed["study"]["recordings"]["ravdess"]["train"]["lr"] = 0.3
    other = place(tmp_path, changed)
    path = other.place("ravdess", tuning=True) / work.TUNING
    path.parent.mkdir(parents=True)
    with pytest.raises(FileNotFoundError, match=r"tuning.csv not found: run `make study`"):
        work.choices(other, "ravdess")
    path.write_bytes((study.place("ravdess", tuning=True) / work.TUNING).read_bytes())
    with pytest.raises(ValueError, match=r"of another params.yaml \(audio_only, fold 0\)"):
        work.choices(other, "ravdess")


def test_the_best_is_the_first_of_equal_means_within_its_fold():
    lines = [
        ("r", 0, 0.1, None, 100, 0.5), ("r", 0, 0.1, None, 101, 0.7),
        ("r", 0, 0.2, None, 100, 0.7), ("r", 0, 0.2, None, 101, 0.5),
        ("r", 1, 0.1, None, 100, 0.1), ("r", 1, 0.2, None, 100, 0.2),
    ]  # fmt: skip
    table = pd.DataFrame(lines, columns=["row", "fold", "lr", "value", "seed", "dev_accuracy"])
    assert best(table) == {("r", 0): Choice(0.1, None), ("r", 1): Choice(0.2, None)}


def test_the_study_in_params_has_its_rows_and_leaves_out_what_needs_convolutions():
    whole = Study(ROOT)
    assert whole.sets == ("ravdess", "digits", "avmnist", "cremad", "ks", "vggsound")
    for name in ("ravdess", "digits"):
        rows = list(whole.rows(name))
        assert rows[2:4] == ["concat", "three_heads"] and {"olm_random", "olm_current"} <= {*rows}
        assert not {"cur", "avslowfast"} & {*rows}
        assert len(rows) == 17
    assert list(whole.rows("digits"))[:2] == ["fou_only", "mor_only"]
    assert {"cur", "avslowfast"} <= {*whole.rows("avmnist")}
    assert len(whole.rows("cremad")) == 8
    assert [len(whole.folds(name)) for name in whole.sets] == [6, 5, 6, 1, 1, 1]
    assert [len(whole.seeds(name)) for name in whole.sets] == [14, 20, 3, 12, 12, 12]
    with pytest.raises(ValueError, match="the study has no 'mer2023'; it has ravdess"):
        whole.section("mer2023")


def test_no_network_trains_with_an_option_that_it_was_not_tuned_by():
    whole = Study(ROOT)
    for row, tried in whole.values.tuning.own.items():
        ((option, first),) = ((o, v[0]) for o, v in tried.items())
        known = whole.params.rows[row].options.get(option)
        assert known in (None, first), f"{row}: the rate is sought with another {option}"


@pytest.mark.parametrize(
    ("place", "value", "says"),
    [
        (["rows"], ["concat", "concat"], "concat is given twice"),
        (["rows"], ["concat", "my_own"], "olm_constant is not one of the study's rows"),
        (["only"], {"concat": ["moon"]}, "only: no recordings moon; ravdess, digits, avmnist"),
        (["tuning", "seeds"], [1], r"tuning.seeds: \[1\] are seeds that tables report"),
        (["tuning", "rates"], [0.1, 0.2, 0.3, 0.4, 0.5], "study.tuning.rates: "),
        (["tuning", "own"], {"concat": {"a": [1, 2], "b": [1, 2]}}, "study.tuning.own.concat: "),
        (["recordings", "ravdess", "prepare", "folds"], 2, "ravdess.prepare.folds: "),
        (["recordings", "digits", "prepare", "views"], ["fou", "smell"], "digits.prepare.views"),
        (["recordings", "ravdess", "model", "inputs"], {"audio": 3}, "inputs follow from the data"),
        (["miniatures", "sets"], ["mer2023"], "no data set 'mer2023' of arrays"),
    ],
)
def test_mistakes_in_params_are_named(tmp_path, place, value, says):
    tree = values()
    *path, last = place
    section = tree["study"]
    for name in path:
        section = section[name]
    section[last] = value
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(tree), encoding="utf-8")
    with pytest.raises(ValueError, match=says):
        Study(tmp_path)


def test_what_everything_costs_is_known_before_it_is_begun(study):
    counts = progress.counted(study, "ravdess").set_index("row")
    assert counts.loc["concat", ["tuning", "reported"]].tolist() == [2 * FOLDS, 2 * FOLDS]
    assert counts.loc["olm_constant", "tuning"] == 3 * FOLDS
    assert len(whole_grid(study)) == counts["tuning"].sum()
    assert len(runs.reported("ravdess")) == counts["reported"].sum()
    assert "sum" in bill(Study(ROOT))
    priced = progress.costs(Study(ROOT))
    assert priced["seconds"].gt(0).all(), priced[priced["seconds"].isna()]


def test_the_clock_says_how_long_these_runs_and_the_study_take(study):
    clock = progress.Clock(study, "ravdess", "training", ["concat", "three_heads", "concat"])
    clock.prices, clock.here, clock.study = {"concat": 2.0, "three_heads": 6.0}, 10.0, 100.0
    assert clock.line(clock.began + 1) == "ravdess, training: 0 of 3 runs"
    clock.add("concat", reused=True)
    clock.add("concat", reused=False)
    # Two expected seconds took one minute: six and 98 are left.
    said = clock.line(clock.began + 60)
    assert said.startswith("ravdess, training: 2 of 3 runs, 1 of them were there; left are about ")
    assert "about 3.0 min of these and 49 of the study, until" in said


def test_what_is_done_is_not_left(study, tmp_path):
    fresh = place(tmp_path, values())
    own = progress.costs(fresh).query("dataset == 'ravdess'")
    done = (own["seconds"] * (own["tuning"] + own["reported"])).sum()
    assert progress.left(fresh) - progress.left(study) == pytest.approx(done)


def test_identities_tell_folds_and_choices_apart(study):
    known = {}
    for run in runs.reported("ravdess"):
        identity = json.loads((run.folder / "identity.json").read_text())
        known.setdefault(identity["identity"], []).append(run.folder.name)
    assert all(len(names) == 1 for names in known.values())
    assert grid.COLUMNS[0] == "dataset"


def test_repeated_runs_leave_the_same_bytes_and_a_changed_one_is_noticed(study, tmp_path):
    finished = study.reported("ravdess", work.choices(study, "ravdess"))
    some = repeat.drawn(finished, 0.1, seed=0)
    assert len(some) == 3 and some == repeat.drawn(finished, 0.1, seed=0)
    assert some != repeat.drawn(finished, 0.1, seed=1)
    assert repeat.repeated(some, tmp_path / "again", 1) == {}
    path = some[0].folder / "epochs.csv"
    kept = path.read_bytes()
    path.write_bytes(kept + b"\n")
    assert repeat.repeated(some[:1], tmp_path / "again", 1) == {str(some[0].folder): ["epochs.csv"]}
    path.write_bytes(kept)
