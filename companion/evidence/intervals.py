"""What an interval shows."""

from olmlib.metrics import Interval


def differs(gap: Interval) -> bool:
    """Tell whether the interval excludes 0.

    One seed has no interval. Neither have seeds that all give the same difference: accuracies count
    whole clips, so on a small test split that is a coincidence and not a spread of zero.
    """
    return bool(gap.half_width > 1e-9 and abs(gap.mean) > gap.half_width)
