"""Numbers as text: Markdown, intervals, and what an interval answers."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from companion.evidence.intervals import differs
from olmlib.files import whole
from olmlib.metrics import Interval


def save(text: str, path: str | Path) -> None:
    """Write a Markdown file; its folder is created."""
    with whole(path) as part:
        part.write_text(f"{text}\n", encoding="utf-8")


def page(parts: Mapping[str, str]) -> str:
    """Return headings and the Markdown under each of them as one text."""
    return "\n\n".join(f"## {heading}\n\n{text.strip()}" for heading, text in parts.items())


def markdown_table(cells: pd.DataFrame, align: str = "right") -> str:
    """Return a frame of texts as a Markdown table, the first column aligned left.

    Args:
        cells: what it holds.
        align: of the other columns, `right` for numbers or `left` for words.
    """
    columns = ["left", *[align] * (cells.shape[1] - 1)]
    return cells.to_markdown(index=False, colalign=columns, disable_numparse=True)


def answer(gap: Interval) -> str:
    """Return `yes` or `no` where the interval excludes 0, else `not shown`."""
    if not differs(gap):
        return "not shown"
    return "yes" if gap.mean > 0 else "no, the other way"


def test_split(clips: int, accuracy: float) -> str:
    """Return what another draw of test clips could change, which seeds do not see, in words.

    Half the 95 % interval of a proportion, `1.96 sqrt(p (1 - p) / n)`.

    Args:
        clips: n, size of the test split.
        accuracy: p, in `[0, 1]`.
    """
    half = 1.96 * (accuracy * (1 - accuracy) / clips) ** 0.5
    return (
        f"The test split has {clips} clips: another draw of as many could move an accuracy of "
        f"{rounded(100 * accuracy):.1f} by ± {rounded(100 * half):.1f} points, whatever seeds say."
    )


def points(gap: Interval) -> str:
    """Return a difference in `[-1, 1]` as percentage points with its interval."""
    if not gap.half_width > 1e-9:
        return signed(100 * gap.mean)
    low, high = gap.mean - gap.half_width, gap.mean + gap.half_width
    return f"{signed(100 * gap.mean)} [{signed(100 * low)}, {signed(100 * high)}]"


def interval(mean: float, half: float, digits: int = 1, sign: bool = False) -> str:
    """Return `mean ± half`, or the mean alone where there is no interval.

    One seed has none, and neither have seeds that agree to the clip: 0.0 would claim certainty.

    Args:
        mean: in the unit that is shown.
        half: half of the interval's width; NaN or 0 if there is none.
        digits: after the point.
        sign: whether the mean is a difference, so that it has its sign.
    """
    text = f"{rounded(mean, digits):{'+' if sign else ''}.{digits}f}".replace("-", "−")
    if not half > 1e-9:
        return text
    smallest = 10.0**-digits
    width = f"{rounded(half, digits):.{digits}f}"
    return f"{text} ± {width if float(width) else f'< {smallest:.{digits}f}'}"


def signed(value: float) -> str:
    """Return a number with its sign and one digit."""
    return f"{rounded(value):+.1f}".replace("-", "−")


def rounded(value: float, digits: int = 1) -> float:
    """Return a number with so many digits; the last bit of a mean does not decide a tie."""
    # Adding 0 turns -0.0 into 0.0.
    return round(round(value, 6), digits) + 0.0
