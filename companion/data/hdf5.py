"""One array of an HDF5 file, read a part at a time, by any number of processes."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np

from companion.data import files
from companion.data.release import ReleaseError


class Array:
    """An array in a file: nothing is read until it is indexed.

    It may be sent to other processes, and every process opens the file for itself, since a handle
    that was open before a fork reads garbage after it.

    Attributes:
        path: of the file.
        key: name of the array in it.
        shape: of the array.
        dtype: what parts are read as, whatever the file holds.
    """

    def __init__(
        self,
        path: Path,
        key: str,
        expected: tuple[int | None, ...],
        advice: str,
        dtype: type[np.generic] = np.float32,
    ):
        """Open the file once, to see that the array is there.

        Args:
            path: of the file.
            key: name of the array.
            expected: its shape; None where any length will do.
            advice: where to get the file, for the error if it is not as it should be.
            dtype: to read as; `numpy.float16` for half of the memory and a third of the digits.

        Raises:
            ReleaseError: missing, a Git-LFS pointer, truncated, no HDF5, without such an array, of
                another shape, or not of numbers.
        """
        self.path, self.key, self.dtype, self.advice = path, key, np.dtype(dtype), advice
        self._file: h5py.File | None = None
        self._process = 0
        fault = files.problem(path)
        if fault:
            fault = f"a {fault}: git lfs pull" if fault == files.POINTER else fault
            raise ReleaseError(f"{path} is {fault}. {advice}")
        with self._explained(), h5py.File(path, "r") as file:
            found = file.get(key)
            if not isinstance(found, h5py.Dataset):
                there = ", ".join(file) or "nothing"
                raise ReleaseError(f"{path} has no array {key!r}, it has {there}. {advice}")
            self.shape, kind = found.shape, found.dtype.kind
        fits = len(self.shape) == len(expected) and all(
            want in (None, got) for want, got in zip(expected, self.shape, strict=True)
        )
        if not fits:
            wanted = ", ".join("any" if want is None else str(want) for want in expected)
            raise ReleaseError(f"{path} has shape {self.shape}, expected ({wanted}). {advice}")
        if kind not in "fiu":
            raise ReleaseError(f"{path} does not hold numbers. {advice}")

    def __len__(self) -> int:
        """Return the number of rows."""
        return self.shape[0]

    def __getitem__(self, rows: int | slice) -> np.ndarray:
        """Return one row or a slice of rows, as `dtype`.

        Raises:
            IndexError: no such row.
            ReleaseError: the file is damaged there.
        """
        if isinstance(rows, int) and not -len(self) <= rows < len(self):
            raise IndexError(f"{self.path} has rows 0 to {len(self) - 1}, not {rows}")
        with self._explained(), np.errstate(over="ignore"):
            if self._file is None or self._process != os.getpid():
                self._file, self._process = h5py.File(self.path, "r"), os.getpid()
            return self._file[self.key][rows].astype(self.dtype)

    def __getstate__(self) -> dict:
        """Leave the open file behind when it is sent to another process."""
        return self.__dict__ | {"_file": None, "_process": 0}

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if error.errno in files.MACHINE:
                raise
            raise ReleaseError(
                f"{self.path} cannot be read as HDF5: {error}. {self.advice}"
            ) from None
