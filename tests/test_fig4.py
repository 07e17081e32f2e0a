"""Figure 4: what is counted, compared, claimed and drawn."""

import numpy as np
import pandas as pd
import pytest

from companion import params
from companion.data.sunrgbd import CLASSES
from companion.evidence import claim, verdicts
from companion.evidence.claim import CONTRADICTED, HEADS_ONLY, NO_SPREAD, SUPPORTED
from companion.evidence.intervals import EQUIVALENT, NO_INTERVAL, NOT_SHOWN, SHOWN, welch
from companion.fig4 import card, claims, numbers, picture
from companion.spread import together

SCENES = ("bedroom", "kitchen", "office")
SIZES = (20, 10, 5)


def square(recall, size):
    """Return counts in which a share of every scene is right and the rest is the next one."""
    counts = np.zeros((3, 3), int)
    for c, n in enumerate(size):
        right = round(recall * n)
        counts[c, c], counts[c, (c + 1) % 3] = right, n - right
    return counts


def counted(recalls, seeds=5, size=SIZES):
    """Return what `collect` returns: row -> recall, a little different from seed to seed."""
    rng, tables = np.random.default_rng(0), []
    for row in numbers.LABELS:
        for seed in range(seeds):
            counts = square(np.clip(recalls[row] + rng.uniform(-0.05, 0.05), 0, 1), size)
            table = pd.DataFrame(counts, SCENES, SCENES).rename_axis("truth").reset_index()
            table = table.melt("truth", var_name="predicted", value_name="frames")
            tables.append(table.assign(row=row, seed=seed)[numbers.COUNTS])
    return pd.concat(tables, ignore_index=True)


BETTER = {"rgb": 0.6, "depth": 0.4, "concat": 0.6, "three_heads": 0.6, "olm": 0.9}


def test_always_bedroom_is_one_in_nineteen():
    labels = np.repeat(np.arange(19), np.arange(19, 0, -1))
    bedroom = CLASSES.index("bedroom")
    counts = numbers.confusion(labels, np.full(len(labels), bedroom), 19)
    assert numbers.balanced_accuracy(counts) == pytest.approx(1 / 19)
    assert counts.diagonal().sum() / counts.sum() == pytest.approx(18 / 190)


def test_balanced_accuracy_by_hand():
    # 2 of 4 and 1 of 1; overall 3 of 5.
    counts = numbers.confusion(np.array([0, 0, 0, 0, 1]), np.array([0, 0, 1, 1, 1]), 2)
    assert counts.tolist() == [[2, 2], [0, 1]]
    assert numbers.balanced_accuracy(counts) == 0.75


def test_a_scene_without_frames_counts_for_nothing():
    counts = numbers.confusion(np.array([0, 1]), np.array([0, 0]), 3)
    assert numbers.balanced_accuracy(counts) == 0.5


def test_both_accuracies_of_every_row_and_seed():
    counts = counted(dict.fromkeys(numbers.LABELS, 0.5), seeds=1, size=(40, 20, 20))
    table = numbers.scores(counts)
    assert [*table["row"]] == [*numbers.LABELS]
    own = counts[counts["row"] == "rgb"]
    right = own[own["truth"] == own["predicted"]]["frames"].to_numpy()
    first = table.iloc[0]
    assert first["accuracy"] == pytest.approx(100 * right.sum() / 80)
    assert first["balanced"] == pytest.approx(100 * np.mean(right / [40, 20, 20]))


def test_shares_of_a_scene_sum_to_all():
    shares = numbers.shares(counted(BETTER))
    sums = shares.groupby(["row", "truth"])["share"].sum()
    np.testing.assert_allclose(sums, 100)


def test_recalls_are_the_diagonal():
    table = numbers.recalls(counted(BETTER, seeds=1))
    assert [*table.columns] == ["row", "seed", "scene", "frames", "recall"]
    assert table[table["row"] == "olm"]["frames"].tolist() == [*SIZES]


def test_widths_are_simultaneous_over_all_scenes_and_both_controls():
    counts = counted(BETTER)
    table, recalls = numbers.recall_gaps(counts), numbers.recalls(counts)
    assert len(table) == 2 * len(SCENES)
    line = table.iloc[1]
    pair = [
        recalls[(recalls["row"] == row) & (recalls["scene"] == line["what"])]["recall"].to_numpy()
        for row in ("olm", line["control"])
    ]
    told = int(table["p"].notna().sum())
    expected = welch(*pair, together(0.95, told))
    assert line["difference"] == pytest.approx(expected.mean)
    assert line["high"] - line["difference"] == pytest.approx(expected.half_width)
    # Where all seeds agree there is no interval, and the line does not count in the family.
    assert 0 < told < len(table) and set(table[table["p"].isna()]["verdict"]) == {NO_INTERVAL}
    told_of = table.dropna(subset="p")
    assert (told_of["p_holm"] >= told_of["p"]).all()


def verdict_of(**recalls):
    return verdicts.above_controls(
        numbers.score_gaps(counted(BETTER | recalls)).query("what == 'balanced'")
    )


def test_the_verdict_follows_the_rule():
    assert verdict_of() == SUPPORTED
    assert verdict_of(three_heads=0.9) == HEADS_ONLY
    assert verdict_of(olm=0.3) == CONTRADICTED
    assert verdict_of(concat=0.9) == claim.NOT_SHOWN


def lines(first, second, gains=(1.0, 1.0)):
    return pd.DataFrame(
        {"control": numbers.CONTROLS, "verdict": [first, second], "difference": gains}
    )


@pytest.mark.parametrize(
    ("gaps", "verdict"),
    [
        (lines(SHOWN, SHOWN), SUPPORTED),
        (lines(SHOWN, NOT_SHOWN), HEADS_ONLY),
        (lines(SHOWN, EQUIVALENT), HEADS_ONLY),
        (lines(NOT_SHOWN, SHOWN), claim.NOT_SHOWN),
        (lines(EQUIVALENT, EQUIVALENT), CONTRADICTED),
        (lines(EQUIVALENT, NOT_SHOWN), claim.NOT_SHOWN),
        (lines(SHOWN, SHOWN, (2.0, -2.0)), CONTRADICTED),
        (lines(NO_INTERVAL, NO_INTERVAL), NO_SPREAD),
    ],
)
def test_every_outcome_has_a_verdict(gaps, verdict):
    assert verdicts.above_controls(gaps) == verdict


def test_the_claim_says_its_numbers():
    gaps = numbers.score_gaps(counted(BETTER))
    found = claims.claim(gaps, "rooms")
    gain = gaps.query("what == 'balanced' and control == 'concat'")["difference"].item()
    assert f"OLM minus Concat +{gain:.1f} [" in found.number
    assert found.verdict == "supported (rooms)" and found.paper == "not printed"


def test_one_seed_gives_no_verdict():
    gaps = numbers.score_gaps(counted(BETTER, seeds=1))
    assert verdicts.above_controls(gaps[gaps["what"] == "balanced"]) == NO_SPREAD


def test_the_card_judges_colour_against_depth():
    table = card.card(counted(BETTER)).set_index("property")
    assert table.loc["colour minus depth, balanced accuracy", "holds"] == "yes"
    swapped = card.card(counted(BETTER | {"rgb": 0.2})).set_index("property")
    assert swapped.loc["colour minus depth, balanced accuracy", "holds"] == "no"
    assert len(table) == 5


def test_the_most_frequent_scene_alone():
    floor = numbers.constant(counted(BETTER)).iloc[0]
    assert floor["balanced"] == pytest.approx(100 / 3)
    assert floor["accuracy"] == pytest.approx(100 * 20 / 35)


def drawn(counts):
    return picture.draw(
        numbers.shares(counts),
        numbers.scores(counts),
        numbers.recall_gaps(counts),
        numbers.LABELS,
        "title",
    )


def test_matrices_have_one_scale_and_readable_names():
    figure = drawn(counted(BETTER))
    pictures = [image for ax in figure.axes for image in ax.images]
    assert len(pictures) == 5 and {image.get_clim() for image in pictures} == {(0, 100)}
    first = figure.axes[0]
    assert [t.get_text() for t in first.get_yticklabels()] == [*SCENES]
    score = numbers.scores(counted(BETTER)).query("row == 'olm'")["balanced"].mean()
    assert any(f"{score:.1f} ± " in ax.get_title("left") for ax in figure.axes)


def test_one_seed_is_drawn_without_intervals():
    assert len(drawn(counted(BETTER, seeds=1)).axes) >= 6


def test_a_row_that_was_not_trained_is_named():
    counts = counted(BETTER)
    missing = counts[counts["row"] != "olm"]
    with pytest.raises(ValueError, match="nothing to draw for olm"):
        picture.draw(
            numbers.shares(missing),
            numbers.scores(missing),
            numbers.recall_gaps(counts),
            numbers.LABELS,
        )
    with pytest.raises(ValueError, match="bedroom was not measured in olm"):
        numbers.recall_gaps(missing)


def test_rows_and_seeds_are_those_of_the_parameters(root):
    runs = numbers.runs_of("mini", root)
    section = params.load(root / "params.yaml").profiles["mini"].dataset("sunrgbd")
    assert len(section.seeds) >= 10
    assert {run.name for run in runs} == numbers.LABELS.keys()
    assert {run.seed for run in runs} == set(section.seeds)
    assert len(runs) == 5 * len(section.seeds)
    assert {run.row.options.get("modality") for run in runs[:20]} == {"rgb", "depth"}


@pytest.mark.parametrize("profile", ["mini", "smoke", "paper"])
def test_every_profile_has_the_data_set(root, profile):
    assert numbers.runs_of(profile, root)


def test_metrics_are_percent():
    text = numbers.metrics(numbers.summary(counted(BETTER)))
    assert '"olm"' in text and '"balanced"' in text
