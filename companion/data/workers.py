"""Jobs over worker processes, or in this one where a machine cannot have any."""

import multiprocessing
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from joblib import Parallel, parallel_config

# What `joblib.delayed` makes: a function, its arguments and its named ones.
Job = tuple[Callable, tuple, dict[str, Any]]


class Lost(RuntimeError):  # noqa: N818 - the name says what it is
    """A worker process that did not end by itself."""


def unordered(jobs: Iterable[Job], workers: int) -> Iterator[Any]:
    """Do `jobs` over `workers` processes of one thread each; yield results as they come.

    Raises:
        Lost: the system ended a process.
    """
    if workers == 1 or not _can_share():
        for function, positional, named in jobs:
            yield function(*positional, **named)
        return
    try:
        with parallel_config("loky", inner_max_num_threads=1):
            yield from Parallel(n_jobs=workers, return_as="generator_unordered")(jobs)
    except BrokenProcessPool as error:
        raise Lost(
            "the system ended a worker process, most often for lack of memory. What is finished is "
            "kept: run this again, with fewer workers"
        ) from error


def _can_share() -> bool:
    """Tell whether processes can share a lock, for which they need /dev/shm."""
    try:
        multiprocessing.Lock()
    except (ImportError, OSError):
        return False
    return True
