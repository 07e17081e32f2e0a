"""Pieces of work over processes: one that the system kills costs its own piece and no other."""

import multiprocessing
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from queue import SimpleQueue
from typing import TypeVar

from joblib import Parallel, delayed
from joblib.externals.loky import ProcessPoolExecutor
from joblib.externals.loky.process_executor import TerminatedWorkerError
from joblib.parallel import LokyBackend, get_active_backend

Piece = TypeVar("Piece")
Result = TypeVar("Result")

# Threads of their own would only wait for each other.
LIBRARIES = ("OMP_NUM", "MKL_NUM", "OPENBLAS_NUM", "BLIS_NUM", "NUMBA_NUM", "VECLIB_MAXIMUM")
ENVIRONMENT = {f"{name}_THREADS": "1" for name in LIBRARIES}


# What to do about a lost piece.
AGAIN = "run again, which makes what is missing, with fewer `workers` if it recurs"


class Lost(RuntimeError):  # noqa: N818 - the name says what it is
    """What became of a piece whose process was killed or crashed."""


def spread(
    function: Callable[[Piece], Result], pieces: Sequence[Piece], workers: int
) -> Iterator[tuple[Piece, Result | Lost]]:
    """Call `function` with every piece, in worker processes of one thread each.

    Every worker is a pool of its own: in a common one, nobody can tell which piece was in the hands
    of a process that died, and all the others are ended with it.

    Args:
        function: what to do with a piece; an error of it ends the work.
        pieces: they and what is returned go from process to process.
        workers: processes at a time; a single one is the process that calls. Under a
            `joblib.parallel_config` of another backend, as of a cluster, that one decides, and
            looks after workers of its own.

    Yields:
        Each piece with what came of it, in the order in which they end.
    """
    if not isinstance(get_active_backend()[0], LokyBackend):
        jobs = (delayed(_with)(function, piece) for piece in pieces)
        yield from Parallel(return_as="generator_unordered")(jobs)
        return
    if min(workers, len(pieces)) < 2 or not _can_share():
        yield from ((piece, function(piece)) for piece in pieces)
        return
    idle: SimpleQueue[ProcessPoolExecutor] = SimpleQueue()
    pools = [_pool() for _ in range(min(workers, len(pieces)))]
    for pool in pools:
        idle.put(pool)

    def call(piece: Piece) -> Result | Lost:
        pool = idle.get()
        try:
            return pool.submit(function, piece).result()
        except TerminatedWorkerError as error:
            codes = re.search(r"exit codes .*\{(.*)\}", str(error))
            pools.remove(pool)
            pool = _pool()
            pools.append(pool)
            return Lost(
                "its process was ended by the system, most often because memory ran out"
                + (f" ({codes[1]})" if codes else "")
            )
        finally:
            idle.put(pool)

    threads = ThreadPoolExecutor(len(pools))
    try:
        asked = {threads.submit(call, piece): piece for piece in pieces}
        for done in as_completed(asked):
            yield asked[done], done.result()
    finally:
        # Also where the caller stops early: nothing new is begun, and what is under way ends.
        threads.shutdown(wait=False, cancel_futures=True)
        for pool in pools:
            pool.shutdown(kill_workers=True)


def _with(function: Callable[[Piece], Result], piece: Piece) -> tuple[Piece, Result]:
    return piece, function(piece)


def _can_share() -> bool:
    """Tell whether processes can share a lock, for which they need /dev/shm."""
    try:
        multiprocessing.Lock()
    except (ImportError, OSError):
        return False
    return True


def _pool() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(max_workers=1, env=ENVIRONMENT)


def refuse_lost(gone: Mapping[str, Lost]) -> None:
    """Raise where pieces, named by the keys, were lost; all others are done by then.

    Raises:
        RuntimeError: what was lost, why, and what to do about it.
    """
    if gone:
        lines = "\n".join(f"  {name}: {error}" for name, error in gone.items())
        raise RuntimeError(f"lost, everything else is done:\n{lines}\n{AGAIN}")
