"""Linear probes: what they score, and that they see the encoders of the selected weights."""

import dataclasses

import numpy as np
import pytest
import torch
from made_runs import write_json

from companion import params
from companion.evidence import probe
from companion.runs.identity import Run
from olmlib.config import LateFusionConfig
from olmlib.data.synthetic import synthetic
from olmlib.methods.table import create

ROWS = {
    "audio_only": params.Row(method="unimodal", options={"modality": "audio"}),
    "concat": params.Row(method="joint"),
    "three_heads": params.Row(method="three_heads"),
}


@pytest.fixture(scope="module")
def grid(tmp_path_factory):
    """Unfinished runs of small networks on noise around one pattern per class."""
    root = tmp_path_factory.mktemp("probe")
    synthetic(root / "prepared", clips=60, classes=3, frames=40, size=32)
    settings = params.load("params.yaml").profiles["smoke"].dataset("cremad")
    config = settings.model_copy(update={"model": LateFusionConfig(width=8)})
    return [
        Run("cremad", name, row, 0, config, root / "prepared", root, root)
        for name, row in ROWS.items()
    ]


@pytest.fixture(scope="module")
def finished(grid):
    """The same runs, "finished" with their initial weights."""
    for run in grid:
        torch.manual_seed(run.seed)
        run.folder.mkdir()
        weights = create(run.row.method, **run.row.options).build(3, run.config.model).state_dict()
        torch.save(weights, run.folder / "model.pt")
        write_json(run.folder / "metrics.json")
        write_json(run.folder / "identity.json", **run.identity())
    return grid


def test_separable_features_score_one_and_noise_scores_chance():
    rng = np.random.default_rng(0)
    labels = np.arange(400) % 4
    patterns = np.eye(4)[labels] + 0.01 * rng.normal(size=(400, 4))
    assert probe.linear_probe(patterns[:200], labels[:200], patterns[200:], labels[200:]) == 1.0
    noise = rng.normal(size=(400, 4))
    score = probe.linear_probe(noise[:200], labels[:200], noise[200:], labels[200:])
    assert 0.1 < score < 0.4


def test_the_scale_of_features_does_not_matter():
    rng = np.random.default_rng(1)
    labels = np.arange(90) % 3
    x = np.eye(3)[labels] + 0.8 * rng.normal(size=(90, 3))
    scores = [
        probe.linear_probe(a * x[:60] + b, labels[:60], a * x[60:] + b, labels[60:])
        for a, b in ((1, 0), (1e-3, 5), (50, -2))
    ]
    assert len(set(scores)) == 1


def test_features_that_diverged_are_an_error():
    bad = np.array([[np.nan], [0.0]])
    with pytest.raises(ValueError, match="diverged"):
        probe.linear_probe(bad, np.array([0, 1]), bad, np.array([0, 1]))


def test_one_probe_per_encoder(finished):
    table = probe.probes(finished)
    found = list(table[["row", "modality"]].itertuples(index=False, name=None))
    both = [(row, m) for row in ("concat", "three_heads") for m in ("audio", "visual")]
    assert found == [("audio_only", "audio"), *both]
    assert table["accuracy"].between(0, 1).all()
    assert probe.probes(finished).equals(table)
    assert probe.probes(finished[1:], "visual").equals(
        table[table["modality"] == "visual"].reset_index(drop=True)
    )


def test_features_are_those_of_the_saved_weights_in_the_order_of_the_rows(finished):
    run = finished[1]
    model, data = probe.load(run), run.data()
    found = probe.features(model, data, "test")
    rows = data.rows("test")
    assert {m: x.shape for m, x in found.items()} == dict.fromkeys(found, (len(rows), 64))
    one = probe.StoredClips(data, rows[-1:])
    with torch.no_grad():
        last = model.eval()(one.__getitems__([0])).features
    for modality, x in found.items():
        np.testing.assert_allclose(x[-1], last[modality][0].numpy(), atol=1e-5)


def test_an_unfinished_run_says_what_to_do(finished):
    missing = dataclasses.replace(finished[0], seed=7)
    with pytest.raises(FileNotFoundError, match="1 of 1 runs are missing.*dvc repro"):
        probe.load(missing)
