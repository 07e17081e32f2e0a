"""Pickles, alone and in an `.npz`, read without executing what they ask for."""

import io
import pickle
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

# All that a dictionary of strings and numbers in an array needs; numpy 1 and 2 name it differently.
_ALLOWED = {
    *((f"numpy.{core}.multiarray", "_reconstruct") for core in ("core", "_core")),
    *((f"numpy.{core}.multiarray", "scalar") for core in ("core", "_core")),
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    ("numpy", "str_"),
    ("numpy", "float64"),
    ("collections", "OrderedDict"),
    ("_codecs", "encode"),
}


class RefusedPickle(ValueError):
    """A file that asks for more than data; nothing of it was executed."""


class _Unexpected(ValueError):
    """A readable array that is not one Python object."""


def loads(content: bytes, known: Mapping[tuple[str, str], Callable]) -> Any:
    """Return the object of a pickle that may call nothing but what is known.

    Args:
        content: the pickle.
        known: (module, name) as the pickle writes them -> what stands for that here.

    Raises:
        RefusedPickle: it asks for something else; nothing was executed.
        ValueError: it is no whole pickle.
    """

    class Unpickler(pickle.Unpickler):
        def find_class(self, module, name):
            if (module, name) not in known:
                raise RefusedPickle(f"it asks for {module}.{name}; nothing was executed")
            return known[module, name]

    try:
        return Unpickler(io.BytesIO(content)).load()
    except RefusedPickle:
        raise
    except Exception as error:
        # A damaged pickle raises nearly anything.
        raise ValueError(f"no whole pickle: {type(error).__name__}: {error}") from None


class _Unpickler(pickle.Unpickler):
    def find_class(self, module, name):
        if (module, name) not in _ALLOWED:
            raise RefusedPickle(f"it asks for {module}.{name}, which no table of labels needs")
        return super().find_class(module, name)


def load(path: Path) -> dict[str, object]:
    """Return the objects of an `.npz` whose arrays hold one Python object each.

    `numpy.load(allow_pickle=True)` would run whatever code the file's author put into it.

    Args:
        path: the file.

    Returns:
        Array name -> the object of its 0-d object array.

    Raises:
        FileNotFoundError: no such file.
        RefusedPickle: the file asks for a function or class other than plain containers, strings,
            numbers and arrays of them.
        ValueError: it is no `.npz`, or an array is not a 0-d object array.
    """
    objects = {}
    try:
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                with archive.open(name) as file:
                    objects[name.removesuffix(".npy")] = _object(io.BytesIO(file.read()), name)
    except FileNotFoundError:
        raise
    except RefusedPickle as error:
        raise RefusedPickle(f"{path}: {error}; nothing was executed") from None
    except _Unexpected as error:
        raise ValueError(f"{path}: {error}") from None
    except Exception as error:
        # A damaged archive or pickle raises nearly anything, from KeyError to zlib's own.
        kind = type(error).__name__
        raise ValueError(f"{path} is not a readable .npz: {kind}: {error}") from None
    return objects


def _object(file: io.BytesIO, name: str) -> object:
    try:
        version = np.lib.format.read_magic(file)
    except ValueError:
        raise _Unexpected(f"{name} is no .npy file, expected one Python object") from None
    readers = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    if version not in readers:
        raise _Unexpected(f"{name} has the unknown format {version}")
    shape, _, dtype = readers[version](file)
    if shape != () or dtype != np.dtype(object):
        raise _Unexpected(f"{name} is {dtype} of shape {shape}, expected one Python object")
    loaded = _Unpickler(file).load()
    if not isinstance(loaded, np.ndarray) or loaded.shape != ():
        raise _Unexpected(f"the pickle in {name} is not the one object that its header promises")
    return loaded.item()
