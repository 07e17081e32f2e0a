"""Clips in parts that take turns as test split.

In fold k the k-th part of the clips is the test split and the next part the dev split, so that
every clip is a test clip once, and a person whose clips lie in one part has one role.
"""

from collections import defaultdict
from collections.abc import Iterable

import numpy as np

from companion.data.release import ReleaseError


def refuse_shared(name: str, groups: Iterable[str], parts: np.ndarray) -> None:
    """Refuse people whose clips are in two parts: they would be trained on and tested on.

    Raises:
        ReleaseError: as said; names the first one.
    """
    places = defaultdict(set)
    for group, part in zip(groups, parts.tolist(), strict=True):
        places[group].add(part)
    for group, found in places.items():
        if len(found) > 1:
            folds = ", ".join(map(str, sorted(found)))
            raise ReleaseError(f"{name}: {group} is in folds {folds}: nobody may be in two")


def roles(parts: np.ndarray, fold: int) -> np.ndarray:
    """Return the split of every clip in a fold.

    Args:
        parts: `(n,)`, from 0.
        fold: in `[0, number of parts)`.

    Raises:
        ValueError: fewer than three parts, or no such fold.
    """
    folds = int(parts.max()) + 1
    if folds < 3:
        raise ValueError(f"{folds} parts are too few for a train, a dev and a test split")
    if not 0 <= fold < folds:
        raise ValueError(f"there are folds 0 to {folds - 1}, not {fold}")
    chosen = np.full(len(parts), "train", object)
    chosen[parts == fold] = "test"
    chosen[parts == (fold + 1) % folds] = "dev"
    return chosen
