"""One kind of check for every option: what an annotation allows, and what is said of the rest."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from olmlib.check import (
    Ascending,
    Count,
    NotNegative,
    Positive,
    Probability,
    Range,
    Seed,
    Share,
    check,
    checked,
    checked_fields,
    unfit,
)
from olmlib.config import (
    Device,
    LateFusionConfig,
    TrainConfig,
    TransformerConfig,
    alone,
    changed,
    configuration,
)

NUMBER = "a finite number (written like 1.0e-3)"
NAN, INF = math.nan, math.inf


@pytest.mark.parametrize(
    ("kind", "fitting", "others", "wanted"),
    [
        (bool, [True, False], [0, 1, "true", None, 1.0], "true or false"),
        (int, [0, -3, 10**20, np.int64(2)], [True, False, 1.0, "1", None, NAN], "a whole number"),
        (float, [0.5, 1, -2.0, np.float32(2)], [True, "1e-3", None, NAN, INF, -INF, [1.0]], NUMBER),
        (str, ["", "a"], [1, None, ["a"], b"a"], "a text"),
        (type(None), [None], [0, "", False], "null"),
        (Any, [None, NAN, "a", []], [], None),
        (Literal["a", "b"], ["a", "b"], ["c", None, ["a"], 1], "one of a, b"),
        # Python holds True for 1 and 1.0 for 1; a row that says one does not mean the other.
        (Literal[1, 2], [1, 2], [True, 1.0, "1"], "one of 1, 2"),
        (Literal[True], [True], [1, "True"], "one of True"),
        (int | None, [1, None], [1.0, "a", False], "a whole number or null"),
        (Literal["tanh"] | None, ["tanh", None], ["softmax", 0, False], "one of tanh or null"),
        (str | int, ["a", 1], [1.5, None, True], "a text or a whole number"),
        (tuple[float, float], [(0, 1.5), [0.1, 2]], [(1,), (1, 2, 3), (1, "a"), 1, (1, NAN)],
         f"2 values, each of them {NUMBER}"),
        (tuple[int, ...], [(), (1,), [1, 2, 3]], [(1, 2.5), 1, "12", (True,), {1: 1}],
         "a list, each of it a whole number"),
        (tuple[str, ...], [("a", "b"), []], ["ab", (1,), None], "a list, each of it a text"),
        (dict[str, int], [{}, {"a": 1}], [{"a": 1.5}, {1: 1}, {"a": True}, [("a", 1)], None],
         "names with, for each, a whole number"),
        (Mapping[str, int], [{}], [1, [1]], "Mapping"),
        (Count, [1, 7], [0, -1, 1.0, True, "1"], "a whole number from 1"),
        (Seed, [0, 5], [-1, 0.0, None], "a whole number from 0"),
        (Positive, [1, 1e-300], [0, 0.0, -1, NAN, INF, True, "1"], f"{NUMBER} above 0"),
        (NotNegative, [0, 0.0, 3], [-1e-9, NAN, INF], f"{NUMBER} from 0"),
        (Probability, [0, 1, 0.5], [-0.1, 1.1, 80, None, True], f"{NUMBER} from 0 to 1"),
        (Count, [2**31 - 1], [2**31, 10**30], "a whole number to 2147483647"),
        (Seed, [2**32 - 1], [2**32, 10**400], "a whole number to 4294967295"),
        (float, [10**300], [10**400, -(10**400)], NUMBER),
        (Positive, [3e38], [1e39, 1e300], f"{NUMBER} to 3.4e+38"),
        (Device, ["cpu", "cuda", "cuda:0", "cuda:11"], ["gpu", "CUDA", "cuda:-1", "cuda:", "", 0],
         "a text that names a device, as cpu or cuda:1"),
        (Annotated[tuple[Probability, Probability], Ascending()],
         [(0, 1), [0.5, 0.5]], [(1, 0), (0, 2), (0,), 0.5],
         f"2 values, each of them {NUMBER} from 0 to 1, the first not above the second"),
        (Annotated[tuple[float, float], Ascending(strictly=True)] | None,
         [None, (-1, 0)], [(1, 1), (1, 0), (0, NAN)],
         f"2 values, each of them {NUMBER}, a lower and a higher one or null"),
        (Share, [0, 0.999], [1, 1.0, -0.1], f"{NUMBER} from 0 below 1"),
        (Annotated[float, Range(0, 1, without=("low", "high"))], [0.5], [0, 1, 0.0, 1.0],
         f"{NUMBER} above 0 below 1"),
        (Annotated[int, Range(high=3)], [3, -9], [4, 3.0], "a whole number to 3"),
        (Annotated[int, "a note"], [1], [1.5], "a whole number"),
        (Annotated[int, Range(1)] | None, [1, None], [0, 1.5], "a whole number from 1 or null"),
        (dict[str, Annotated[int, Range(1)]], [{"a": 1}], [{"a": 0}],
         "names with, for each, a whole number from 1"),
        (tuple[Count, ...] | None, [None, (1, 2)], [(0,), 3],
         "a list, each of it a whole number from 1 or null"),
        (LateFusionConfig, [LateFusionConfig()], [{}, None], "LateFusionConfig"),
    ],
)  # fmt: skip
def test_what_fits_a_kind_and_what_is_said_of_the_rest(kind, fitting, others, wanted):
    for value in fitting:
        assert unfit(value, kind) is None, value
    for value in others:
        assert unfit(value, kind) == wanted, value


@given(
    st.floats(allow_nan=False, allow_infinity=False),
    st.floats(-1e6, 1e6),
    st.floats(-1e6, 1e6),
    st.sets(st.sampled_from(["low", "high"])),
)
def test_a_number_fits_a_range_if_and_only_if_it_lies_in_it(value, one, other, without):
    low, high = sorted((one, other))
    kind = Annotated[float, Range(low, high, tuple(without))]
    above = low < value if "low" in without else low <= value
    below = value < high if "high" in without else value <= high
    assert (unfit(value, kind) is None) == (above and below)
    for bound, name in ((low, "low"), (high, "high")):
        alone_in = unfit(bound, Annotated[float, Range(bound, bound, (name,))])
        assert alone_in is not None, "an excluded bound lies outside"


@given(st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=3)))
def test_a_value_fits_one_kind_or_says_why_not(value):
    fits = {kind for kind in (bool, int, float, str, type(None)) if unfit(value, kind) is None}
    finite = isinstance(value, float) and math.isfinite(value)
    expected = {type(value)} if not isinstance(value, float) or finite else set()
    # A whole number is a number too.
    assert fits == expected | ({float} if type(value) is int else set())
    assert unfit(value, type(value) | None) is None or fits == set()


@given(st.lists(st.one_of(st.integers(-3, 3), st.floats(-3, 3), st.booleans()), max_size=4))
def test_a_list_fits_where_each_of_its_values_does(values):
    each = all(unfit(value, Count) is None for value in values)
    assert (unfit(values, tuple[Count, ...]) is None) == each
    assert (unfit(tuple(values), tuple[Count, Count]) is None) == (each and len(values) == 2)
    named = {str(place): value for place, value in enumerate(values)}
    assert (unfit(named, dict[str, Count]) is None) == each


class Scheme:
    @checked
    def __init__(self, seed: int = 0, drop: Probability = 0.8, mode: Literal["a", "b"] = "a"):
        self.got = seed, drop, mode


class Open:
    @checked
    def __init__(self, size: Count, unannotated=None, **options):
        self.got = size, unannotated, options


def test_a_checked_class_takes_what_fits_by_place_and_by_name():
    assert Scheme().got == (0, 0.8, "a")
    assert Scheme(3, 1, mode="b").got == (3, 1, "b")
    assert Open(1, object, other=NAN).got[2].keys() == {"other"}, "what is open is not checked"


def test_a_checked_class_keeps_its_name_and_its_signature():
    assert Scheme.__init__.__name__ == "__init__"
    assert Scheme.__init__.__annotations__["drop"] is Probability


@pytest.mark.parametrize(
    ("args", "options", "message"),
    [
        ((), {"drop": 80}, f"drop is 80, not {NUMBER} from 0 to 1"),
        ((True,), {}, "seed is True, not a whole number"),
        ((0, "x"), {}, f"drop is 'x', not {NUMBER} from 0 to 1"),
        ((), {"mode": "c"}, "mode is 'c', not one of a, b"),
        ((), {"drpo": 0.5}, "drpo is no option; there are seed, drop, mode"),
        (
            (1.5,),
            {"drop": NAN, "mode": None, "x": 1},
            "seed is 1.5, not a whole number\n"
            f"drop is nan, not {NUMBER} from 0 to 1\n"
            "mode is None, not one of a, b\n"
            "x is no option; there are seed, drop, mode",
        ),
    ],
)
def test_a_checked_class_refuses_the_rest_with_a_line_for_each(args, options, message):
    with pytest.raises(ValueError) as error:
        Scheme(*args, **options)
    assert str(error.value) == message


def test_too_many_or_too_few_arguments_are_pythons_own_error():
    with pytest.raises(TypeError):
        Scheme(0, 0.5, "a", 1)
    with pytest.raises(TypeError, match="size"):
        Open()
    with pytest.raises(ValueError, match="size is 0, not a whole number from 1"):
        Open(0, other=1)


@given(
    st.dictionaries(
        st.sampled_from(["seed", "drop", "mode", "nothing"]),
        st.sampled_from([0, 1, 0.5, -1, True, "a", None]),
    )
)
def test_there_is_a_line_for_each_mistake_and_nothing_is_called_before(options):
    wrong = {
        name
        for name, value in options.items()
        if name == "nothing"
        or (name == "seed" and (isinstance(value, bool) or not isinstance(value, int)))
        or (name == "drop" and (type(value) not in (int, float) or not 0 <= value <= 1))
        or (name == "mode" and value != "a")
    }
    if not wrong:
        check(Scheme, options)
        return
    with pytest.raises(ValueError) as error:
        check(Scheme, options)
    lines = str(error.value).splitlines()
    assert len(lines) == len(wrong)
    for line, name in zip(lines, (n for n in options if n in wrong), strict=True):
        assert line.startswith((f"{name} is ", f"{name} is no option;"))


def test_what_is_taken_is_no_option():
    with pytest.raises(ValueError, match="seed is no option; there are drop, mode$"):
        check(Scheme, {"seed": 1}, taken=("seed",))

    class Bare:
        def __init__(self):
            pass

    with pytest.raises(ValueError, match="x is no option; there are none$"):
        check(Bare, {"x": 1})


@dataclass(frozen=True)
class Config:
    size: Count
    range: tuple[float, float] = (0.0, 1.0)
    names: tuple[str, ...] | None = None
    widths: dict[str, Count] = field(default_factory=dict)

    def __post_init__(self):
        checked_fields(self)


def test_a_list_becomes_a_tuple_where_a_tuple_is_wanted():
    config = Config(2, range=[0, 0.5], names=["a"])
    assert config.range == (0, 0.5) and config.names == ("a",)
    assert Config(2) == Config(2, names=None) and hash(config.names)


def test_the_fields_of_a_dataclass_are_checked_together():
    with pytest.raises(ValueError) as error:
        Config(0, range=[1], names="ab", widths={"a": 0})
    assert str(error.value).splitlines() == [
        "size is 0, not a whole number from 1",
        f"range is (1,), not 2 values, each of them {NUMBER}",
        "names is 'ab', not a list, each of it a text or null",
        "widths is {'a': 0}, not names with, for each, a whole number from 1",
    ]


@pytest.mark.parametrize(
    ("kind", "values", "lines"),
    [
        (TrainConfig, {}, ["epochs is missing", "batch_size is missing", "lr is missing"]),
        (
            TrainConfig,
            {"epochs": 1.5, "lr": "1e-2", "momentun": 0.9},
            [
                "epochs is 1.5",
                "lr is '1e-2', not a finite number (written like",
                "momentun is no option",
            ],
        ),
        (LateFusionConfig, {"width": 4}, ["width is 4, not a whole number from 8"]),
        (LateFusionConfig, {"encoders": {"audio": "waves"}}, ["encoders is "]),
        (LateFusionConfig, {"encoders": {}}, ["at least one modality"]),
        (LateFusionConfig, {"encoders": {"fused": "frames"}}, ["none is called fused"]),
        (LateFusionConfig, {"preset": "official"}, ["preset is no option"]),
        (TransformerConfig, {"preset": "best"}, ["preset is 'best', not one of official"]),
        (TransformerConfig, {"n_heads": 7}, ["d_model 768 is not divisible by n_heads 7"]),
    ],
)
def test_a_configuration_names_each_mistake(kind, values, lines):
    with pytest.raises(ValueError) as error:
        configuration(kind, values)
    found = str(error.value).splitlines()
    assert len(found) == len(lines)
    for line, said in zip(found, lines, strict=True):
        assert said in line


def test_a_preset_goes_under_what_is_said_besides():
    config = configuration(TransformerConfig, {"preset": "official", "n_layers": 5})
    assert (config.n_layers, config.pos, config.input_norm) == (5, "none", ())
    plain = TransformerConfig(d_model=64)
    over = changed(plain, {"preset": "official", "pos": "sincos"})
    assert (over.d_model, over.n_layers, over.pos) == (64, 3, "sincos")
    assert changed(plain, {}) == plain
    with pytest.raises(ValueError, match="widht is no option"):
        changed(LateFusionConfig(), {"widht": 32})


def test_one_modality_alone():
    late = LateFusionConfig(encoders={"left": "frames", "right": "frames", "sound": "spectrogram"})
    assert alone(late, "sound").encoders == {"sound": "spectrogram"}
    several = TransformerConfig(modalities=("text", "hog"))
    assert alone(several, "hog").modalities == ("hog",)
    for config in (late, several):
        with pytest.raises(ValueError, match="no modality 'smell'; there are "):
            alone(config, "smell")
