"""DVC's own commands: metrics, plots and `-S` say and do what an edit of params.yaml means."""

import json
import os
import re
import shutil
import subprocess
import sys
from itertools import chain
from pathlib import Path

import pandas as pd
import pytest
import yaml
from dvc.utils.hydra import apply_overrides
from ruamel.yaml import YAML

from companion import params, tracked
from companion.figures.style import save_numbers

ROOT = Path(__file__).resolve().parent.parent
TABLES = {
    "table1": ("dataset", "accuracy"),
    "table2": ("network", "accuracy"),
    "table3": ("protocol", "f1"),
}


def save(tables, folder):
    """Write the files that DVC reads, as notebooks 20 and 24 do."""
    for name, (group, value) in TABLES.items():
        save_numbers(tables[name], folder / f"{name}.csv")
        tracked.save_metrics(tables[name], group, value, folder / f"{name}.json")
    rows = tables["table1"][["dataset", "row", "accuracy"]].rename(
        columns={"accuracy": "dev_accuracy"}
    )
    curves = [
        rows.assign(epoch=epoch, dev_accuracy=epoch * rows["dev_accuracy"]) for epoch in (1, 2)
    ]
    save_numbers(pd.concat(curves), folder / "curves.csv")


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """The pipeline's files in a repository with the tables, after an edit of one value."""
    box = tmp_path_factory.mktemp("project")
    for part in ("dvc.yaml", "params.yaml", ".dvc/config", ".dvc/plots", ".dvcignore"):
        copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
        (box / part).parent.mkdir(exist_ok=True)
        copy(ROOT / part, box / part)
    folder = box / "results/mini"
    folder.mkdir(parents=True)
    tables = {name: pd.read_csv(ROOT / f"results/mini/{name}.csv") for name in TABLES}
    save(tables, folder)
    user = ("-c", "user.name=x", "-c", "user.email=x@y")
    for words in (["init", "-q"], ["add", "."], [*user, "commit", "-q", "-m", "x"]):
        subprocess.run(["git", *words], cwd=box, check=True)
    apply_overrides(box / "params.yaml", ["profiles.mini.cremad.train.lr=0.03"])
    edited = tables["table1"]
    edited.loc[(edited["dataset"] == "cremad") & (edited["row"] == "concat"), "accuracy"] += 1.5
    save(tables, folder)
    return box


@pytest.fixture
def says(project):
    """Run a command of DVC in the project, and return what it prints as JSON."""
    environment = os.environ | {"DVC_NO_ANALYTICS": "1", "DVC_SITE_CACHE_DIR": f"{project}/site"}

    def run(*words):
        command = [sys.executable, "-m", "dvc", *words, "--json"]
        done = subprocess.run(
            command, cwd=project, env=environment, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


def test_metrics_show_every_accuracy_of_the_tables(says, project):
    shown = says("metrics", "show")[""]["data"]
    for name, (group, value) in TABLES.items():
        data = shown[f"results/mini/{name}.json"]["data"]
        lines = pd.read_csv(project / f"results/mini/{name}.csv")
        for where, row, number in lines[[group, "row", value]].itertuples(index=False):
            assert data[where][row] == pytest.approx(number, abs=0.006)
        assert sum(map(len, data.values())) == len(lines[[group, "row"]].drop_duplicates())


def test_metrics_diff_says_which_accuracy_changed_and_no_other(says):
    files = says("metrics", "diff")
    assert files.keys() == {"results/mini/table1.json"}
    ((name, change),) = files["results/mini/table1.json"].items()
    assert name == "cremad.concat" and change["diff"] == pytest.approx(1.5)


def test_plots_diff_shows_tables_and_curves_of_both_sides(says):
    shown = says("plots", "diff")
    assert not shown.get("errors")
    files = {"table1.csv", "curves.csv", "table2.csv", "table3.csv"}
    assert {Path(name).name for name in shown["data"]} == files
    for name, plots in shown["data"].items():
        (plot,) = plots
        assert {"HEAD", "workspace"} <= {*plot["revisions"]}, name
        content = json.dumps(plot["content"])
        assert "DVC_METRIC" not in content.replace("<DVC_METRIC_DATA>", ""), name


@pytest.fixture(scope="module")
def stages():
    pipeline = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    return {name: stage for name, stage in pipeline.items() if re.fullmatch(r"table\d", name)}


def test_every_table_has_metrics_and_plots_with_columns_that_it_has(stages):
    assert stages.keys() >= TABLES.keys()
    for name, stage in stages.items():
        assert f"results/${{profile}}/{name}.json" in chain.from_iterable(stage["metrics"])
        plots = {path: look for entry in stage["plots"] for path, look in entry.items()}
        look = plots[f"results/${{profile}}/{name}.csv"]
        columns = pd.read_csv(ROOT / f"results/mini/{name}.csv", nrows=0).columns
        assert {look["x"], look["y"]} <= {*columns}
        for look in plots.values():
            template = json.loads((ROOT / f".dvc/plots/{look['template']}.json").read_text())
            facet = template["facet"]
            fields = [facet] if "field" in facet else facet.values()
            assert all(f["field"] in (*columns, "row", "dataset") for f in fields)


def test_curves_are_means_over_seeds_of_every_row_and_epoch(monkeypatch):
    cells = [(row, seed, epoch) for row in ("b", "a") for seed in (0, 1) for epoch in (1, 2)]
    epochs = pd.DataFrame(cells, columns=["row", "seed", "epoch"])
    epochs["dev_accuracy"] = [0.1, 0.2, 0.3, 0.4, 0.5, 0.5, 0.5, 0.7]
    monkeypatch.setattr(tracked.folder, "epochs", lambda grid: epochs)
    found = tracked.curves({"cremad": [], "ks": []})
    assert [*found] == ["dataset", "row", "epoch", "dev_accuracy"]
    assert found["dataset"].tolist() == ["cremad"] * 4 + ["ks"] * 4
    assert found["row"].tolist()[:4] == ["b", "b", "a", "a"]
    assert found["dev_accuracy"].tolist()[:4] == pytest.approx([20, 30, 50, 60])


TWO = pd.DataFrame({"set": ["a", "a"], "row": ["x", "x"], "n": [1.0, 1.0]})


def test_a_row_that_stands_twice_is_one_metric(tmp_path):
    tracked.save_metrics(TWO, "set", "n", tmp_path / "m.json")
    assert json.loads((tmp_path / "m.json").read_text()) == {"a": {"x": 1.0}}


@pytest.mark.parametrize("number", [2.0, float("nan")], ids=["two", "none"])
def test_a_metric_that_is_missing_or_ambiguous_is_an_error(tmp_path, number):
    with pytest.raises(ValueError, match=r"m.json: x of a has no n, or two that differ"):
        tracked.save_metrics(TWO.assign(n=[1.0, number]), "set", "n", tmp_path / "m.json")
    assert not (tmp_path / "m.json").exists()


def test_no_section_of_params_stands_in_two_places():
    """What DVC sets in one of them it would set back in the other."""
    places = {}

    def walk(value, place):
        if isinstance(value, dict):
            there = places.setdefault(id(value), place)
            assert there == place, f"{place} is {there}: write {{<<: *name}}"
            for key, inner in value.items():
                walk(inner, f"{place}.{key}")

    tree = YAML(typ="rt").load(ROOT / "params.yaml")
    walk(tree, "params")
    assert len(places) > 50


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("profiles.mini.cremad.train.lr", 0.03),
        ("profiles.smoke.cremad.train.lr", 0.04),
        ("profiles.smoke.mer2023.prepare.features.audio", "mine"),
        ("profiles.paper.vggsound.model.width", 32),
        ("rows.olm_constant.options.constant", 0.5),
    ],
)
def test_a_value_set_by_dvc_changes_nothing_else(tmp_path, place, value):
    path = shutil.copy(ROOT / "params.yaml", tmp_path)
    apply_overrides(path, [f"{place}={value}"])
    wanted = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    *above, last = place.split(".")
    section = wanted = json.loads(json.dumps(wanted))
    for name in above:
        section = section[name]
    assert section[last] != value
    section[last] = value
    assert yaml.safe_load(Path(path).read_text(encoding="utf-8")) == wanted
    params.load(path)


def test_git_sees_what_dvc_compares_in_every_profile():
    """An experiment is a commit: of a file that git ignores, DVC knows no earlier state."""
    pipeline = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    compared = {
        path
        for stage in pipeline.values()
        for entry in chain(stage.get("metrics", []), stage.get("plots", []))
        for path in entry
    }
    assert len(compared) == 8
    paths = [path.replace("${profile}", p) for path in compared for p in params.load().profiles]
    ignored = subprocess.run(
        ["git", "check-ignore", "--no-index", *paths], cwd=ROOT, capture_output=True, text=True
    )
    if ignored.returncode > 1:
        pytest.skip("not a git checkout")
    assert not ignored.stdout, ignored.stdout
