"""One kind of check for everything that can be set: its annotation says what a value may be.

    class Scheme(Method):
        @checked
        def __init__(self, seed: int = 0, drop: Probability = 0.8):

`Scheme(drop=2)` then is a `ValueError` that says what `drop` can be. A dataclass gets the same from
`checked_fields` in its `__post_init__`.
"""

import math
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache, wraps
from inspect import Parameter, signature
from numbers import Integral, Real
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints


@dataclass(frozen=True)
class Range:
    """Bounds of a number, as the second part of `Annotated`.

    Attributes:
        low: least value.
        high: greatest value.
        without: which bounds are excluded, any of `"low"` and `"high"`.
    """

    low: float = -math.inf
    high: float = math.inf
    without: tuple[str, ...] = ()

    def holds(self, value: float) -> bool:
        """Return whether `value` lies within the bounds."""
        above = value > self.low if "low" in self.without else value >= self.low
        below = value < self.high if "high" in self.without else value <= self.high
        return above and below

    def __str__(self) -> str:
        """Return the bounds in words."""
        low = f"{'above' if 'low' in self.without else 'from'} {self.low:.10g}"
        high = f"{'below' if 'high' in self.without else 'to'} {self.high:.10g}"
        return " ".join([low] * (self.low > -math.inf) + [high] * (self.high < math.inf))


@dataclass(frozen=True)
class Form:
    """Form of a text, as the second part of `Annotated`.

    Attributes:
        pattern: regular expression that the whole text fits.
        words: what it says, after "a text".
    """

    pattern: str
    words: str

    def holds(self, value: str) -> bool:
        """Return whether `value` has the form."""
        return re.fullmatch(self.pattern, value) is not None

    def __str__(self) -> str:
        """Return the form in words."""
        return self.words


@dataclass(frozen=True)
class Ascending:
    """Order of a pair of numbers, as the second part of `Annotated`.

    Attributes:
        strictly: whether they differ.
    """

    strictly: bool = False

    def holds(self, value: tuple[float, float]) -> bool:
        """Return whether the second number is not below the first."""
        low, high = value
        return low < high if self.strictly else low <= high

    def __str__(self) -> str:
        """Return the order in words."""
        return ", a lower and a higher one" if self.strictly else ", the first not above the second"


Constraint = Range | Form | Ascending

# What torch can hold: sizes are 32-bit in its kernels, numbers of single precision.
_SIZE = Range(high=2**31 - 1)
_SINGLE = Range(high=3.4e38)
Count = Annotated[int, Range(1), _SIZE]
# The numbers that numpy, scikit-learn and torch all take.
Seed = Annotated[int, Range(0), Range(high=2**32 - 1)]
Positive = Annotated[float, Range(0, without=("low",)), _SINGLE]
NotNegative = Annotated[float, Range(0), _SINGLE]
Probability = Annotated[float, Range(0, 1)]
Share = Annotated[float, Range(0, 1, without=("high",))]

Made = TypeVar("Made")


def checked(function: Callable[..., Made]) -> Callable[..., Made]:
    """Return `function`, which now refuses arguments that their annotations do not allow."""
    parameters = signature(function)

    @wraps(function)
    def refusing(*args, **kwargs):
        given = parameters.bind_partial(*args)
        named = {k: v for k, v in given.arguments.items() if k in _hints(function)}
        check(function, named | kwargs)
        return function(*args, **kwargs)

    return refusing


def checked_fields(instance: object) -> None:
    """Check the fields of a dataclass, as the first thing of its `__post_init__`.

    A list where a tuple is wanted becomes one: YAML has no tuples.

    Raises:
        ValueError: values that their annotations do not allow, one a line.
    """
    kind: type = type(instance)
    for name, wanted in _hints(kind).items():
        value = getattr(instance, name)
        if isinstance(value, list) and any(get_origin(k) is tuple for k in _alternatives(wanted)):
            object.__setattr__(instance, name, tuple(value))
    check(kind, vars(instance))


def check(kind: Callable, values: Mapping[str, Any], taken: Iterable[str] = ()) -> None:
    """Refuse values for the parameters of `kind` that it does not have or that cannot be theirs.

    Nothing is called, so that a mistake is found before the run that would meet it.

    Args:
        kind: a function, or a class, whose `__init__` counts.
        values: name -> value.
        taken: parameters that have their value already.

    Raises:
        ValueError: what is wrong with each one, one a line.
    """
    hints, known = _hints(kind), _parameters(kind)
    open_ended = any(p.kind is Parameter.VAR_KEYWORD for p in known.values())
    names = [n for n, p in known.items() if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)]
    names = [name for name in names if name not in taken]
    wrong = []
    for name, value in values.items():
        if name not in names:
            if not open_ended:
                wrong.append(f"{name} is no option; there are {', '.join(names) or 'none'}")
        elif (wanted := unfit(value, hints.get(name, Any))) is not None:
            wrong.append(f"{name} is {value!r}, not {wanted}")
    if wrong:
        raise ValueError("\n".join(wrong))


def unfit(value: Any, kind: Any) -> str | None:
    """Return None if a value is of a kind, else what is wanted, in words.

    Args:
        value: anything.
        kind: an annotation: a class, `Literal`, `Annotated` with constraints, a union, or a
            `tuple`, `list` or `dict` of those.
    """
    origin, parts = get_origin(kind), get_args(kind)
    if kind is Any or isinstance(kind, TypeVar):
        return None
    if origin is Annotated:
        constraints = [part for part in parts[1:] if isinstance(part, Constraint)]
        if unfit(value, parts[0]) is None:
            constraints = [part for part in constraints if not part.holds(value)]
            if not constraints:
                return None
        # The first one that is missed; of a value of another kind, the one that is met most.
        words = f"{unfit(object(), parts[0]) or ''} {''.join(map(str, constraints[:1]))}"
        return words.strip().replace(" ,", ",")
    if origin in (Union, UnionType):
        found = [unfit(value, part) for part in parts]
        return None if None in found else " or ".join(str(wanted) for wanted in found)
    if origin is Literal:
        # By type too: Python holds True to be 1.
        same = any(value == part and type(value) is type(part) for part in parts)
        return None if same else f"one of {', '.join(map(str, parts))}"
    if origin is tuple:
        return _unfit_tuple(value, parts)
    if origin is dict:
        fits = isinstance(value, Mapping) and not any(
            unfit(k, parts[0]) or unfit(v, parts[1]) for k, v in value.items()
        )
        return None if fits else f"names with, for each, {unfit(object(), parts[1])}"
    if kind in _NAMES:
        return None if _is(value, kind) else _NAMES[kind]
    plain = origin or kind
    return None if not isinstance(plain, type) or isinstance(value, plain) else plain.__name__


_NAMES = {
    bool: "true or false",
    int: "a whole number",
    float: "a finite number (written like 1.0e-3)",
    str: "a text",
    NoneType: "null",
}


def _is(value: Any, kind: type) -> bool:
    if kind not in (int, float):
        return isinstance(value, kind)
    # Python counts true and false among the numbers.
    number = isinstance(value, Real) and not isinstance(value, bool)
    if not number or isinstance(value, Integral):
        # Compared and not converted: a whole number can be larger than any other number.
        return number and (kind is int or abs(int(value)) <= sys.float_info.max)
    return kind is float and math.isfinite(value)


def _unfit_tuple(value: Any, parts: tuple) -> str | None:
    endless = len(parts) == 2 and parts[1] is Ellipsis
    wanted = "a list, each of it" if endless else f"{len(parts)} values, each of them"
    wanted = f"{wanted} {unfit(object(), parts[0])}"
    if not isinstance(value, tuple | list) or not (endless or len(value) == len(parts)):
        return wanted
    kinds = parts[:1] * len(value) if endless else parts
    fits = all(unfit(one, kind) is None for one, kind in zip(value, kinds, strict=True))
    return None if fits else wanted


def _alternatives(kind: Any) -> tuple:
    if get_origin(kind) is Annotated:
        return _alternatives(get_args(kind)[0])
    if get_origin(kind) in (Union, UnionType):
        return tuple(one for part in get_args(kind) for one in _alternatives(part))
    return (kind,)


@cache
def _hints(kind: Callable) -> dict[str, Any]:
    """Return the annotations of a function's parameters or a dataclass's fields."""
    source = kind
    if isinstance(kind, type) and not hasattr(kind, "__dataclass_fields__"):
        source = kind.__init__  # type: ignore[misc]  # meant: that of this very class
    hints = get_type_hints(source, include_extras=True)
    return {name: hint for name, hint in hints.items() if name != "return"}


@cache
def _parameters(kind: Callable) -> dict[str, Parameter]:
    return {name: p for name, p in signature(kind).parameters.items() if name != "self"}
