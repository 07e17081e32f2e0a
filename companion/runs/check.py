"""Can everything that is set be trained? `python -m companion.runs.check` tells before any work.

It prints the name of the profile, or a line per mistake with its file and its place.
"""

import inspect
import sys
import traceback
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from companion.runs.sources import PACKAGES, ROOT, closure, versions

if TYPE_CHECKING:
    from companion import params

# What every method, network and data set is reached from.
ROOTS = ("companion.runs.grid", "companion.miniature.__main__")


def main() -> None:
    """Print the profile of `params.yaml`, or end with what is wrong."""
    try:
        # Read before anything is imported: Python would tell a mistake of one file as a long story.
        versions(closure(*ROOTS))
        print(profile())
    except (SyntaxError, ModuleNotFoundError) as error:
        sys.exit(str(error))
    except Exception as error:
        sys.exit(located(error))


def profile(file: str | Path = "params.yaml") -> str:
    """Return the profile that a `params.yaml` names, when all that is set there can be trained.

    Raises:
        ValueError: a mistake in the file, or a method without what it needs.
        RuntimeError: what this machine lacks, a line each.
    """
    from companion import params
    from companion.runs import grid, preflight

    settings = params.load(file)
    grid.check_rows(settings)
    check_networks(settings)
    name = settings.profile
    lines = preflight.lacking(name, settings.profiles[name], Path(file).resolve().parent)
    if lines:
        raise RuntimeError(
            "\n".join(["params.yaml names a profile that cannot be made yet:", *lines])
        )
    return name


def check_networks(settings: "params.Params") -> None:
    """Build the network of every row, of shapes without numbers.

    Raises:
        ValueError: rows whose method has no network for their data, one a line.
    """
    import torch

    from olmlib.methods.base import Method
    from olmlib.methods.table import METHODS, create

    wrong = [line for row in settings.rows.values() for line in hooks(METHODS[row.method], Method)]
    networks: dict = {}
    for place, row, config in settings.networks():
        # One size will do: what a method can take or not are modalities and kinds of networks.
        networks.setdefault((place, type(config)), (row, config))
    for (place, _), (row, config) in networks.items():
        method = create(row.method, 0, **row.options)
        try:
            if not isinstance(method, Method):
                raise TypeError(f"{row.method} is no olmlib.methods.base.Method")
            with torch.random.fork_rng(devices=[]), torch.device("meta"):
                method.build(2, config)
        except (TypeError, ValueError) as error:
            wrong.append(f"params.yaml, {place}: {error}")
    if wrong:
        raise ValueError("\n".join(dict.fromkeys(wrong)))


def hooks(kind: type, base: type) -> list[str]:
    """Return a line per hook of a method that the training loop could not call, or would not.

    Args:
        kind: the method.
        base: `olmlib.methods.base.Method`, which has every hook.
    """
    known = {name: hook for name, hook in vars(base).items() if inspect.isfunction(hook)}
    lines = []
    for name, hook in inspect.getmembers(kind, inspect.isfunction):
        place = f"{inspect.getsourcefile(hook)}, line {hook.__code__.co_firstlineno}: {name}"
        if name in known and name != "__init__":
            try:
                inspect.signature(hook).bind(*inspect.signature(known[name]).parameters)
            except TypeError:
                lines.append(f"{place} must take {inspect.signature(known[name])}")
        elif not name.startswith("_") and (meant := get_close_matches(name, known, 1, 0.85)):
            lines.append(f"{place} is no hook and is never called; {meant[0]} is one")
    return lines


def located(error: Exception) -> str:
    """Return an error in words: what our checks say themselves, else where in our code it is."""
    message = str(error)
    if "params.yaml" in message or message.startswith(f"{ROOT}/"):
        return message
    places = [Path(frame.filename) for frame in traceback.extract_tb(error.__traceback__)]
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__)]
    ours = [
        f"{path}, line {line}: "
        for path, line in zip(places, lines, strict=True)
        if path.is_relative_to(ROOT) and path.relative_to(ROOT).parts[0] in PACKAGES
    ]
    return f"{ours[-1] if ours else ''}{type(error).__name__}: {message}"


if __name__ == "__main__":
    main()
