"""The phenomenon in numbers and words: card, verdict, branches and their picture."""

import math

import matplotlib
import numpy as np
import pandas as pd
import pytest

from companion.evidence import imbalance
from companion.evidence.imbalance import ROWS
from companion.lessons.imbalance import picture

matplotlib.use("Agg")
LABELS = np.arange(60) % 6
SEEDS = (0, 1, 2)


def metrics(audio, visual, concat):
    """Test accuracies of the three rows over seeds, in percent."""
    values = zip(ROWS, (audio, visual, concat), strict=True)
    rows = [
        (row, seed, "test", "accuracy", value / 100)
        for row, over_seeds in values
        for seed, value in enumerate(over_seeds)
    ]
    rows += [(*row[:2], "last", "accuracy", 0.0) for row in rows]
    return pd.DataFrame(rows, columns=["row", "seed", "weights", "metric", "value"])


def probes(alone, joint, audio=(60, 61, 62)):
    rows = [("audio_only", "audio", audio), ("visual_only", "visual", alone)]
    rows += [("concat", "audio", audio), ("concat", "visual", joint)]
    table = [
        (row, seed, modality, value / 100)
        for row, modality, values in rows
        for seed, value in enumerate(values)
    ]
    return pd.DataFrame(table, columns=["row", "seed", "modality", "accuracy"])


def holds(card):
    return card["holds"].tolist()


def test_a_card_on_which_everything_holds():
    card = imbalance.card(
        metrics((60, 61, 62), (45, 46, 47), (57, 58, 59)),
        probes((45, 46, 47), (35, 36, 37)),
        LABELS,
    )
    assert holds(card) == ["yes"] * 7
    assert card["measured"].tolist() == pytest.approx([15, 3, 61, 61, 46, 46, 10])
    claims = ["> 0.0", "> 0.0", "> 33.3", "< 90.0", "> 33.3", "< 90.0", "> 0.0"]
    assert card["claim"].tolist() == claims
    # A run varies by 1, a run minus another by the root of 2.
    assert card["sd"].tolist() == pytest.approx([math.sqrt(2)] * 2 + [1] * 4 + [math.sqrt(2)])


def test_a_card_on_which_nothing_is_sure():
    card = imbalance.card(
        metrics((20, 95, 98), (30, 60, 93), (60,) * 3), probes((40, 30, 50), (39, 45, 30)), LABELS
    )
    assert holds(card) == ["unclear"] * 7
    worse = imbalance.card(
        metrics((95,) * 3, (30,) * 3, (60,) * 3), probes((40,) * 3, (41,) * 3), LABELS
    )
    assert holds(worse) == ["yes", "yes", "yes", "no", "no", "yes", "no"]


def test_one_seed_is_never_sure():
    card = imbalance.card(metrics((60,), (45,), (55,)), probes((45,), (35,), (60,)), LABELS)
    assert holds(card) == ["unclear"] * 7
    assert "in one seed" in imbalance.verdict(
        metrics((60,), (45,), (63,)), probes((45,), (35,), (60,))
    )


def test_the_verdict_says_what_the_numbers_say():
    text = imbalance.verdict(
        metrics((60, 61, 62), (45, 46, 47), (57, 58, 59)), probes((45, 46, 47), (35, 36, 37))
    )
    fusion, audio, visual = text.splitlines()
    assert "audio alone, the best single modality, 61.0 ± 1.0 %" in fusion
    assert "two modalities are worse than one by 3.0 ± 1.4 points." in fusion
    assert "worse by 0.0 ± 1.4 points." in audio
    assert "joint training left it worse by 10.0 ± 1.4 points." in visual


def test_the_verdict_finds_the_best_modality_whichever_it_is():
    text = imbalance.verdict(
        metrics((40, 41, 42), (65, 66, 67), (70, 71, 72)), probes((65, 66, 67), (65, 66, 67))
    )
    assert "visual alone, the best single modality" in text
    assert "two modalities are better than one by 5.0" in text


@pytest.fixture
def branches():
    rows = [
        (seed, epoch, head, size * epoch, 0.5 * size)
        for seed in SEEDS
        for epoch in (1, 2)
        for head, size in (("audio", 4.0), ("visual", 2.0), ("fused", 5.0))
    ]
    return pd.DataFrame(rows, columns=["seed", "epoch", "head", "norm", "score"])


def test_branches_average_iterations_of_an_epoch_and_classes_that_were_seen(monkeypatch):
    run = type("Run", (), {"seed": 3})
    arrays = {
        "heads": np.array(["audio", "visual"]),
        "epoch": np.array([1, 1, 2]),
        "norm": np.array([[1.0, 2], [3, 4], [5, 6]]),
        "score_class": np.array([[[1.0, np.nan], [0, 2]], [[3, 5], [0, 2]], [[1, 1], [2, 2]]]),
    }
    monkeypatch.setattr(imbalance.folder, "iterations", lambda _: arrays)
    table = imbalance.branches([run]).set_index(["head", "epoch"])
    assert table["norm"].to_dict() == {
        ("audio", 1): 2, ("audio", 2): 5, ("visual", 1): 3, ("visual", 2): 6,
    }  # fmt: skip
    assert table.at[("audio", 1), "score"] == pytest.approx((1 + 4) / 2)
    assert set(table["seed"]) == {3}


def test_divergence_is_a_ratio_of_norms(branches):
    text = imbalance.divergence(branches)
    assert text.startswith("Audio logits are 2.00 times as large as visual logits in epoch 1 and")


def epochs():
    rows = []
    for seed in SEEDS:
        for epoch in (1, 2):
            base = {"seed": seed, "epoch": epoch, "test_accuracy": 0.5 + 0.01 * seed}
            heads = {f"test_accuracy_{head}": 0.4 + 0.01 * seed for head in ("audio", "visual")}
            rows += [base | heads | {"row": row} for row in ROWS]
    return pd.DataFrame(rows)


def test_the_figure_has_one_number_per_series_and_place(branches):
    table = picture.imbalance_table(epochs(), probes((45, 46, 47), (35, 36, 37)), branches)
    assert list(table.columns) == picture.COLUMNS
    assert not table.duplicated(["panel", "series", "head", "x"]).any()
    assert table["panel"].value_counts().to_dict() == {
        "accuracy": 5 * 2, "norm": 3 * 2, "score": 3 * 2, "probe": 4,
    }  # fmt: skip
    fused = table[(table["series"] == "concat")].iloc[0]
    assert (fused["low"], fused["mean"], fused["high"]) == pytest.approx((50, 51, 52))
    probe = table[(table["panel"] == "probe") & (table["head"] == "visual")].iloc[0]
    assert (probe["low"], probe["mean"], probe["high"]) == pytest.approx((45, 46, 47))
    fig = picture.imbalance(table, chance=100 / 6, title="CREMA-D miniature")
    assert [ax.get_title("left")[:3] for ax in fig.axes] == ["(A)", "(B)", "(C)", "(D)"]
    assert len(fig.axes[1].patches) == 4
    said = [text.get_text() for text in fig.legends[0].get_texts()]
    assert "lowest to highest seed" in said and "most frequent class" in said
