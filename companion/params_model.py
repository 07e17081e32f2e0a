"""The networks' part of `params.yaml`: their sizes and variants, and what a row changes in them."""

from typing import Annotated, Literal, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    ValidationError,
    model_validator,
)

Count = Annotated[StrictInt, Field(ge=1)]
Share = Annotated[float, Field(ge=0, lt=1)]


class Section(BaseModel):
    """A part of `params.yaml`: an unknown key or a value of another type is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Model(Section):
    """The late-fusion network: `width` channels in the first ResNet stage (64 in the paper).

    Not under 8: there oneDNN's 1x1 convolutions of stride 2 write past their buffer on processors
    without AVX-512, which changes numbers from run to run or ends the process (torch 2.14.1).
    """

    width: Annotated[StrictInt, Field(ge=8)] = 64
    init: Literal["ogm_ge", "olm"] = "ogm_ge"


class Transformer(Section):
    """The transformers of Table 3; a single modality has no fusion.

    `inputs`: modality -> width of its features, which a run takes from its data.
    `max_len`: modality -> rows of a clip that are used; by default all.
    `preset`: `official` starts from what the official code does, not from the defaults.
    """

    modalities: tuple[str, ...] = ()
    inputs: dict[str, Count] = {}
    fusion: Literal["attention", "mbt", "irfb"] = "irfb"
    n_layers: Count = 6
    d_model: Count = 768
    n_heads: Count = 8
    ffn_dim: Count = 1024
    n_bottleneck: Count = 12
    dropout: Share = 0.1
    attention_dropout: Share = 0.0
    pos: Literal["sincos", "none"] = "sincos"
    token_init: Literal["normal", "zeros"] = "normal"
    eq4_pool: Literal["broadcast", "token", "modality", "sum_ffn"] = "broadcast"
    mask_order: Literal["cls_first", "cls_last"] = "cls_first"
    readout_norm: Literal["per_stream", "shared", "none"] = "per_stream"
    pool_include_cls: StrictBool = True
    detach_unimodal: StrictBool = False
    double_call: StrictBool = False
    attention_weights: Literal["softmax", "raw"] = "softmax"
    late_fusion: Literal["hub", "attention"] = "hub"
    input_norm: tuple[str, ...] = ("hog",)
    max_len: dict[str, Count] = {}
    head_bias: StrictBool = True

    @model_validator(mode="before")
    @classmethod
    def _preset(cls, values):
        if not isinstance(values, dict):
            return values
        values = dict(values)
        preset = values.pop("preset", None)
        if preset not in (None, "official"):
            raise ValueError(f"preset {preset!r} is not 'official'")
        return values if preset is None else OFFICIAL | values

    @model_validator(mode="after")
    def _heads_share_the_width(self):
        if self.d_model % self.n_heads:
            raise ValueError(f"d_model {self.d_model} is not divisible by n_heads {self.n_heads}")
        return self


# What the official code does where it differs from the defaults: rows T1 to T22 of
# book/paper_vs_code.md. Its MBT also has feed-forward blocks of width 2048, because an argument is
# never passed on.
OFFICIAL = {
    "n_layers": 3,
    "pos": "none",
    "token_init": "zeros",
    "eq4_pool": "sum_ffn",
    "mask_order": "cls_last",
    "readout_norm": "shared",
    "double_call": True,
    "attention_dropout": 0.1,
    "attention_weights": "raw",
    "input_norm": (),
}


Network = TypeVar("Network", Model, Transformer)


def changed(model: Network, fields: dict, place: str) -> Network:
    """Return a network's configuration with the fields that a row changes.

    Args:
        model: of the data set.
        fields: `model` of the row; a `preset` among them goes over the data set's values and
            under the other fields.
        place: where the row's `model` stands in `params.yaml`, for the message.

    Raises:
        ValueError: a misspelt field or a value that it cannot have; the message names each one.
    """
    if not fields:
        return model
    values = model.model_dump(exclude_unset=True)
    if "preset" in fields and isinstance(model, Transformer):
        # Under the data set's values, their n_layers would win and the network not be official.
        values |= OFFICIAL
    try:
        return type(model).model_validate(values | fields)
    except ValidationError as error:
        raise ValueError("\n".join(described(error, place))) from None


def described(error: ValidationError, place: str) -> list[str]:
    """Return a line per mistake: where it stands, from `place` on, and what it is.

    A mistake that a check of the whole file found names its place itself.
    """
    lines = []
    for one in error.errors():
        where = ".".join(map(str, [place, *one["loc"]])).removeprefix(".")
        says = one["msg"].removeprefix("Value error, ")
        lines.append(f"{where}: {says}" if where else says)
    return lines
