"""Tables and sentences of Figures 5 and 6: made from the numbers, checked by hand."""

import pandas as pd
import pytest

from companion.figures import growth

ROWS = {"concat": "Concat", "three_heads": "three heads", "olm": "OLM (stable)"}


def curves(last):
    """Return norms of one class over two epochs: 2 in the first, (row, head) -> seeds in the last.

    A third epoch between them must not matter.
    """
    lines = [
        (row, seed, head, epoch, "NEU", norm, norm)
        for (row, head), seeds in last.items()
        for seed, end in enumerate(seeds)
        for epoch, norm in ((1, 2.0), (2, 9.0), (3, end))
    ]
    names = ["row", "seed", "head", "epoch", "class", "norm", "scaled"]
    return pd.DataFrame(lines, columns=names)


def weights(audio, visual):
    lines = [
        ("olm", seed, head, epoch, w if epoch == 3 else 1.0)
        for seed in (0, 1)
        for head, w in (("audio", audio), ("visual", visual))
        for epoch in (1, 2, 3)
    ]
    return pd.DataFrame(lines, columns=["row", "seed", "head", "epoch", "w"])


def table(audio, visual, w=(1.0, 1.0)):
    """Return `growth.means` of Concat and three heads ending at 4 and 2, and OLM as given."""
    last = {(row, "audio"): (4.0, 4.0) for row in ("concat", "three_heads")}
    last |= {(row, "visual"): (2.0, 2.0) for row in ("concat", "three_heads")}
    last |= {("olm", "audio"): audio, ("olm", "visual"): visual}
    made = curves(last)
    end = (made["row"] == "olm") & (made["epoch"] == 3)
    for head, factor in zip(("audio", "visual"), w, strict=True):
        made.loc[end & (made["head"] == head), "scaled"] *= factor
    return growth.means(made, weights(*w))


def test_relative_growth_is_the_norm_over_that_of_the_first_epoch_and_classes_count_alike():
    one = curves({("olm", "audio"): (4.0,)})
    other = one.assign(**{"class": "HAP"}, norm=one["norm"] * 3)
    found = growth.means(pd.concat([one, other]), weights(1, 1)).set_index("epoch")
    assert found["norm"].tolist() == [4, 18, 8]
    assert found["relative"].tolist() == [1, 4.5, 2]


def test_rows_without_coefficients_have_w_1():
    found = table((6.0, 6.0), (1.0, 1.0), w=(0.5, 2.0))
    end = growth.last(found).groupby(["row", "head"])["w"].mean()
    assert end["concat", "audio"] == end["three_heads", "visual"] == 1
    assert end["olm", "audio"] == 0.5


def test_growth_is_told_with_what_the_paper_says():
    against = growth.grown(table((6.0, 7.0), (1.0, 1.5)), ROWS)
    assert (
        "OLM (stable), from the first epoch to the last: audio's norm grows to 3.25 times"
        in against
    )
    assert "(seeds 3.00 to 3.50), visual's norm falls to 0.62 times (seeds 0.50 to 0.75)" in against
    assert "audio's norm grows more (3.25 against 2.00 times, seeds do not overlap)" in against
    assert "visual's norm grows less (0.62 against 1.00 times, seeds do not overlap)" in against
    assert against.count(": the opposite of what the paper says.") == 2
    as_said = growth.grown(table((3.0, 3.0), (3.0, 3.0)), ROWS)
    assert as_said.count(": as the paper says.") == 2 and "opposite" not in as_said
    mixed = growth.grown(table((6.0, 6.0), (3.0, 3.0)), ROWS)
    assert mixed.count("the opposite of audio, as the paper says of visual.") == 2


def test_seeds_that_overlap_are_said_to():
    assert "2.12 against 2.00 times, seeds overlap" in growth.grown(
        table((3.0, 5.5), (1.0, 1.0)), ROWS
    )


@pytest.mark.parametrize(
    ("audio", "w", "wanted"),
    [
        # Raw 8 against 4, times 0.5 exactly theirs: w explains all of it.
        (
            8.0,
            0.5,
            "The raw norm is 2.00 times that of three heads, and w times it 1.00 times. What",
        ),
        (8.0, 0.5, "differs less than what the network gives: the norm answers w."),
        # Raw 5 against 4, times 0.5 is 2.5: farther away than it was.
        (5.0, 0.5, "differs as much or more: w explains the side, not the size."),
        (8.0, 1.5, "w and the raw norm went the same way, so w does not explain the norm."),
        (8.0, 1.0, "With w at 1 there is nothing that w could explain."),
    ],
)
def test_what_w_explains(audio, w, wanted):
    said = growth.explained(table((audio, audio), (1.0, 1.0), (w, 2.0)), "olm", "three_heads", ROWS)
    first, second = said.splitlines()
    assert first.startswith(f"- audio: w is {w:.2f}") and wanted in first
    assert second.startswith("- visual: w is 2.00")


def test_the_norms_as_a_table():
    found = growth.norms(table((6.0, 8.0), (1.0, 1.0), (0.5, 2.0)), ROWS).set_index(["row", "head"])
    line = found.loc["OLM (stable)", "audio"]
    assert line.tolist() == ["2.00", "7.00 ± 1.41", "3.50 ± 0.71", "0.50", "3.50 ± 0.71"]
    assert found.loc["Concat", "visual"].tolist() == ["2.00", "2.00", "1.00", "1.00", "2.00"]


def test_what_a_head_learns_is_divided_into_heads_and_coefficients():
    values = {"concat": (20.0, 24.0), "three_heads": (40.0, 44.0), "olm": (38.0, 43.0)}
    accuracy = pd.DataFrame(
        [
            (row, seed, epoch, head, value + 30 * (head == "audio") if epoch == 2 else 5.0)
            for row, seeds in values.items()
            for seed, value in enumerate(seeds)
            for epoch in (1, 2)
            for head in ("audio", "visual")
        ],
        columns=["row", "seed", "epoch", "head", "accuracy"],
    )
    said = growth.learnt(accuracy, "visual", ROWS).splitlines()
    assert said[0] == "- Concat: the visual head ends at 22.0 ± 2.8 % (seeds 20.0 to 24.0)."
    assert said[3].endswith("loss of its own change it by +20.0 points (seeds do not overlap).")
    assert said[4].endswith("the coefficients change it by −1.5 points (seeds overlap).")
    cells = growth.by_row(growth.last(accuracy), "accuracy", ROWS, 1).set_index("row")
    assert cells.loc["three heads"].to_dict() == {"audio": "72.0 ± 2.8", "visual": "42.0 ± 2.8"}


def test_one_seed_has_no_spread():
    assert growth.spread(pd.Series([-1.0])) == "−1.00"
    assert growth.spread(pd.Series([1.0, 3.0])) == "2.00 ± 1.41"
