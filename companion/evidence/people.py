"""Intervals that hold for other people too: a bootstrap over seeds and people together.

Intervals over seeds say how the mean over all trainings is known, on the very same test clips. Were
the clips those of other actors, rows would move, most of them together; so both rows of a
comparison are taken on the same draw. (`scipy.stats.bootstrap` draws along one axis.)
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from companion.spread import LEVEL

DRAWS, AT_ONCE = 10_000, 500
COLUMNS = ["row", "control", "people", "difference", "low", "high"]


def people(
    clips: pd.DataFrame,
    pairs: list[tuple[str, str]],
    by: str = "group",
    draws: int = DRAWS,
    seed: int = 0,
    level: float = LEVEL,
) -> pd.DataFrame:
    """Return differences of accuracies with percentile intervals over seeds and people.

    Args:
        clips: columns `row`, `seed`, `correct`, and `by`: every test clip of every run.
        pairs: (row, control).
        by: column that names the people, or `id`, to draw clips in their place.
        draws: how often seeds and people are drawn, with replacement.
        seed: of the draws.
        level: of each interval by itself, in `(0, 1)`.

    Returns:
        `COLUMNS`: number of people, difference and ends in points.

    Raises:
        ValueError: a row is missing, or rows do not share seeds and people.
    """
    right, size = _counts(clips, {name for pair in pairs for name in pair}, by)
    seeds, drawn = len(next(iter(right.values()))), len(size)
    parts: dict[tuple[str, str], list[np.ndarray]] = {pair: [] for pair in pairs}
    for of_seeds, of_people in _weights(np.random.default_rng(seed), seeds, drawn, draws):
        clips_drawn = of_seeds.sum(1) * (of_people @ size)
        share = {
            name: np.einsum("bs,sg,bg->b", of_seeds, counts, of_people, optimize=True) / clips_drawn
            for name, counts in right.items()
        }
        for row, control in pairs:
            parts[row, control].append(share[row] - share[control])
    lines = []
    for (row, control), found in parts.items():
        difference = (right[row] - right[control]).sum() / (seeds * size.sum())
        ends = np.quantile(np.concatenate(found), [(1 - level) / 2, (1 + level) / 2])
        lines.append((row, control, drawn, *(100 * np.array([difference, *ends]))))
    return pd.DataFrame(lines, columns=COLUMNS)


def _counts(
    clips: pd.DataFrame, rows: set[str], by: str
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Return row -> right answers `(seeds, people)`, and each one's number of clips `(people,)`."""
    counts = clips.groupby(["row", "seed", by], sort=True)["correct"].agg(["sum", "size"])
    right, sizes, first = {}, None, None
    for row in sorted(rows):
        if row not in counts.index.get_level_values("row"):
            raise ValueError(f"no row {row} to compare")
        own = counts.loc[row].unstack(by)
        if own.isna().to_numpy().any():
            raise ValueError(f"row {row}: not every seed was tested on every {by}")
        sizes = own["size"] if sizes is None else sizes
        first = first or row
        if not own["size"].equals(sizes):
            raise ValueError(
                f"rows {first} and {row} were not tested with the same seeds and clips"
            )
        right[row] = own["sum"].to_numpy(float)
    assert sizes is not None
    per_person = sizes.to_numpy(float)
    return right, per_person[0]


def _weights(
    rng: np.random.Generator, seeds: int, people: int, draws: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield how often each seed `(b, seeds)` and each person `(b, people)` is in a draw."""
    for start in range(0, draws, AT_ONCE):
        b = min(AT_ONCE, draws - start)
        often = [
            rng.multinomial(n, np.full(n, 1 / n), size=b).astype(float) for n in (seeds, people)
        ]
        yield often[0], often[1]
