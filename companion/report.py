"""Numbers as text: Markdown, numbers with their spread, and what a table can tell."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from companion.spread import Sensitivity, Spread
from olmlib.files import whole


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


def points(gap: Spread) -> str:
    """Return a difference in `[-1, 1]` as percentage points, with its standard deviation."""
    return plus_minus(100 * gap.mean, 100 * gap.sd, sign=True)


def can_tell(found: Sensitivity, sizes: Mapping[str, int], digits: int = 1) -> str:
    """Return a Markdown table of what a table can tell, to stand under it.

    Args:
        found: in the unit of the table.
        sizes: what it was measured on, such as seeds and test clips -> how many.
        digits: after the point.
    """
    lines = [(name, f"{size}") for name, size in sizes.items()]
    if not found.alone > 0:
        lines.append(("No spread over seeds", "no difference can be shown"))
    else:
        many = f"{found.comparisons} comparison{'s' * (found.comparisons > 1)}"
        lines += [
            (name, f"{rounded(value, digits):.{digits}f}")
            for name, value in (
                ("SD over seeds, pooled over rows", found.pooled_sd),
                ("Difference shown with 80 % power", found.alone),
                (f"The same, {many} judged together", found.together),
            )
        ]
    return markdown_table(pd.DataFrame(lines, columns=["What this table can tell", ""]))


def plus_minus(mean: float, spread: float, digits: int = 1, sign: bool = False) -> str:
    """Return `mean ± spread`, or the mean alone where there is no spread.

    One seed has none, and neither have seeds that agree to the clip: 0.0 would claim certainty.

    Args:
        mean: in the unit that is shown.
        spread: standard deviation, or half of an interval's width; NaN or 0 if there is none.
        digits: after the point.
        sign: whether the mean is a difference, so that it has its sign.
    """
    text = f"{rounded(mean, digits):{'+' if sign else ''}.{digits}f}".replace("-", "−")
    if not spread > 1e-9:
        return text
    smallest = 10.0**-digits
    width = f"{rounded(spread, digits):.{digits}f}"
    return f"{text} ± {width if float(width) else f'< {smallest:.{digits}f}'}"


def signed(value: float) -> str:
    """Return a number with its sign and one digit."""
    return f"{rounded(value):+.1f}".replace("-", "−")


def rounded(value: float, digits: int = 1) -> float:
    """Return a number with so many digits; the last bit of a mean does not decide a tie."""
    # A float of numpy's rounds ties otherwise than Python's. Adding 0 turns -0.0 into 0.0.
    return round(round(float(value), 6), digits) + 0.0
