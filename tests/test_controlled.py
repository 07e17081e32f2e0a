"""The controlled study: worlds made to order, and what is gained in them."""

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from companion import params
from companion.lessons.controlled import picture, runs
from companion.lessons.controlled.world import CLASSES, SIZES, STRENGTH, Drawn, World
from companion.rows import Controlled, Row


def nearest(data, modality, split="test"):
    """Return the accuracy of the nearest class mean, fitted on all other samples."""
    x, y = data.features[modality], data.labels
    test = np.isin(np.arange(len(y)), data.rows(split))
    means = np.stack([x[~test & (y == c)].mean(0) for c in range(CLASSES)])
    return np.mean((x[test] @ means.T).argmax(1) == y[test])


def test_equal_worlds_and_seeds_have_equal_samples():
    one, again, other = (Drawn(World(1.0, 10), seed) for seed in (0, 0, 1))
    for modality, array in one.features.items():
        assert np.array_equal(array, again.features[modality])
        assert not np.array_equal(array, other.features[modality])
    assert {split: len(one.rows(split)) for split in SIZES} == SIZES
    assert one.widths == {"audio": 10, "visual": 100} and len(one.classes) == CLASSES


def test_strength_is_the_distance_of_the_means_and_width_changes_it_not():
    for width in (10, 100):
        data = Drawn(World(1.0, width), 0)
        x, y = data.features["audio"], data.labels
        means = np.stack([x[y == c].mean(0) for c in range(CLASSES)])
        # Orthogonal directions of length STRENGTH; 470 samples leave an error of 1 / sqrt(470).
        gaps = np.linalg.norm(means[0] - means[1:], axis=1)
        noise = np.sqrt(width * 2 / (len(y) / CLASSES))
        assert np.abs(gaps**2 - noise**2 - 2 * STRENGTH**2).max() < 2.5
    assert nearest(Drawn(World(3.0, 10), 0), "visual") > nearest(Drawn(World(1.0, 10), 0), "visual")


def test_what_is_not_shared_is_told_by_one_modality_only():
    whole, half = (Drawn(World(STRENGTH, 10, shared), 0) for shared in (1.0, 0.0))
    # Half of the samples say nothing in audio: they are guessed.
    expected = (nearest(whole, "audio") + 1 / CLASSES) / 2
    assert nearest(half, "audio") == pytest.approx(expected, abs=0.03)


def test_worlds_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="as many dimensions"):
        Drawn(World(1.0, CLASSES - 1), 0)
    plan = params.load().controlled["smoke"].model_dump()
    with pytest.raises(ValidationError, match="centre.strength is not one of"):
        Controlled(**plan | {"centre": {"strength": 9.0, "width": 10, "shared": 1.0}})


def test_every_profile_has_its_size_and_the_study_is_the_full_one():
    settings = params.load()
    assert settings.controlled.keys() >= settings.profiles.keys() | {"study"}
    every, cells = runs.worlds(settings.controlled["study"])
    assert len(every) == 5 + 2 + 2 and len(cells) == 5 * 3 - (5 + 2)
    assert not set(every) & set(cells)


def scores():
    """Two worlds, two seeds: the better modality is another one in each."""
    lines = []
    for strength, audio, visual in ((0.5, 80, 20), (2.5, 80, 90)):
        for seed in (0, 1):
            own = {"audio_only": audio, "visual_only": visual, "concat": 84, "three_heads": 85}
            own |= {"olm_constant": 86, "olm": 83 + seed, "ogm_ge": 84}
            for row, accuracy in own.items():
                lines.append((strength, 10, 1.0, row, seed, accuracy + seed))
    return pd.DataFrame(lines, columns=[*runs.WORLD, "row", "seed", "accuracy"])


def test_gains_are_of_pairs_and_the_best_modality_is_each_worlds_own():
    found = runs.gains(scores(), [runs.JOINT, runs.BEST])
    concat = found[(found["row"] == "concat") & (found["reference"] == runs.BEST)]
    assert concat["gain"].tolist() == [4, -6] and concat["half_width"].tolist() == [0, 0]
    fewer = scores().query("strength == 0.5 or row in ('audio_only', 'visual_only', 'concat')")
    found_there = runs.gains(fewer, [picture.HEADS, runs.BEST])
    assert set(found_there.loc[found_there["reference"] == picture.HEADS, "strength"]) == {0.5}
    olm = found[(found["row"] == "olm") & (found["reference"] == runs.JOINT)].iloc[0]
    # -1 and 0: half a width is 12.7 standard errors of 0.5.
    assert olm["gain"] == -0.5 and olm["half_width"] == pytest.approx(12.706 * 0.5, rel=1e-3)


def test_the_plane_has_a_cell_per_world_and_curves_turn_one_knob():
    found = runs.gains(scores(), [runs.JOINT, picture.HEADS, runs.BEST])
    assert [t.get_text() for t in picture.plane(found).axes[0].texts] == [
        "+4.0\n± 0.0",
        "−6.0\n± 0.0",
    ]
    centre = {"strength": 0.5, "width": 10, "shared": 1.0}
    names = {row: row for row in found["row"].unique()} | {"concat": "Concat"}
    figure = picture.curves(found, names, centre)
    assert len(figure.axes) == 2, "one knob has more than one value"
    assert figure.axes[1].get_xlabel() == picture.KNOBS["strength"]


def test_a_run_learns_and_is_the_same_again():
    row = {"audio_only": Row(method="unimodal", options={"modality": "audio"})}
    one, again = (runs.accuracies([World(1.0, 10)], row, 1) for _ in range(2))
    assert one.equals(again) and one["accuracy"].item() > 60
