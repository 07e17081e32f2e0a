"""What can be set for a network and for a training, the same for every method."""

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields, replace
from typing import Annotated, Any, Literal, TypeVar

from olmlib.check import (
    Ascending,
    Count,
    Form,
    NotNegative,
    Positive,
    Range,
    Share,
    check,
    checked_fields,
)

Area = Annotated[float, Range(0, 1, without=("low",))]
Processes = Annotated[int, Range(0, 1024)]
Device = Annotated[
    str, Form(r"cpu|mps|(cuda|xpu)(:(0|[1-9][0-9]?))?", "that names a device, as cpu or cuda:1")
]


@dataclass(frozen=True)
class TrainConfig:
    """One training, the same for every method.

    Attributes:
        epochs: how many.
        batch_size: of all processes together.
        optimizer: SGD with momentum, as in the paper, or Adam.
        lr: learning rate at the start.
        momentum: of SGD, in [0, 1).
        weight_decay: the factor of the squared weights' gradient.
        schedule: of the learning rate: a tenth of it after 70 % of the epochs, half a cosine down
            to 0, or none.
        crop_scale: range of a random crop's area, as a share of the frame.
        flip: mirror half of the frames.
        selection: which epoch's weights are kept: the one with the best dev accuracy, with the best
            weighted F1 - MSE / 4 on the dev split (emotions), the last, or, to compare with papers
            that do so, with the best test accuracy.
        device: `cpu`, `cuda`, one GPU of several as `cuda:1`, `mps` or `xpu`.
        mixed_precision: on a GPU, forward and backward in bfloat16, or where it has none, in
            float16 with a scaled loss; evaluation stays in float32. Float32 on a GPU has products
            in float32 and convolutions in TF32, with three digits, as torch sets it.
        deterministic: on a GPU, the same numbers in every run; only kernels whose sums have a fixed
            order, which take longer (`make gpu-check` says how much). On the CPU all have one.
        loader_workers: processes that read ahead; 0 reads in the training's own.
        valence_weight: of the valence heads' mean squared error beside the method's own loss.
        test_epochs: measure the test split after every epoch too, for curves of test accuracy and
            for `best_test`; it is measured at the end in any case.
    """

    epochs: Count
    batch_size: Count
    lr: Positive
    optimizer: Literal["sgd", "adam"] = "sgd"
    momentum: Share = 0.9
    weight_decay: NotNegative = 1e-4
    schedule: Literal["step", "cosine", "constant"] = "step"
    crop_scale: Annotated[tuple[Area, Area], Ascending()] = (0.08, 1.0)
    flip: bool = True
    selection: Literal["best_dev", "best_combined", "last", "best_test"] = "best_dev"
    device: Device = "cpu"
    mixed_precision: bool = False
    deterministic: bool = False
    loader_workers: Processes = 0
    valence_weight: NotNegative = 0.0
    test_epochs: bool = True

    def __post_init__(self):
        """Refuse values that no training can have."""
        checked_fields(self)
        if self.selection == "best_test" and not self.test_epochs:
            raise ValueError("selection best_test needs test_epochs")


@dataclass(frozen=True)
class NetworkConfig:
    """What can be set for a network: each kind of network has a dataclass of its own."""


@dataclass(frozen=True)
class LateFusionConfig(NetworkConfig):
    """The networks of Table 1: one encoder per modality.

    Attributes:
        encoders: modality -> kind of its encoder, a name in `olmlib.models.encoders.ENCODERS`, in
            the order of the heads.
        width: channels in the first ResNet stage, 64 in the paper. Not under 8: there oneDNN's 1x1
            convolutions of stride 2 write past their buffer on processors without AVX-512, which
            changes numbers from run to run or ends the process (torch 2.14.1).
        blocks: in each of the four stages: 2 is ResNet-18, the paper's; 1 is ResNet-10.
        init: of the weights, as in the code of OGM-GE or in that of OLM, see `encoders.initialise`.
    """

    encoders: dict[str, Literal["spectrogram", "frames"]] = field(
        default_factory=lambda: {"audio": "spectrogram", "visual": "frames"}
    )
    width: Annotated[int, Range(8), Range(high=4096)] = 64
    blocks: Annotated[int, Range(1, 64)] = 2
    init: Literal["ogm_ge", "olm"] = "ogm_ge"

    def __post_init__(self):
        """Refuse values that no network can have."""
        checked_fields(self)
        if not self.encoders:
            raise ValueError("encoders name at least one modality, and none is called fused")
        _check_names("encoders", self.encoders)


@dataclass(frozen=True)
class MLPFusionConfig(NetworkConfig):
    """Late fusion of feature vectors: one multilayer perceptron per modality.

    Attributes:
        inputs: modality -> width of its features, in the order of the heads; a run takes it from
            its data.
        hidden: widths of an encoder's layers. Without one the heads read the features themselves,
            and then they share no weight: what trains one head changes no other.
        dropout: after every hidden layer.
        init: of the weights, see `olmlib.models.encoders.initialise`.
    """

    inputs: dict[str, Count] = field(default_factory=dict)
    hidden: tuple[Count, ...] = (128,)
    dropout: Share = 0.0
    init: Literal["ogm_ge", "olm"] = "ogm_ge"

    def __post_init__(self):
        """Refuse values that no network can have."""
        checked_fields(self)
        _check_names("inputs", self.inputs)


@dataclass(frozen=True)
class TransformerConfig(NetworkConfig):
    """The transformers of Table 3; a lone modality has no fusion.

    Attributes:
        modalities: in the order of the heads.
        inputs: modality -> width of its features, which a run takes from its data.
        fusion: attention over the unimodal features, bottleneck tokens (MBT), or the paper's IRFB.
        n_layers: blocks per encoder.
        d_model: width of a token.
        n_heads: of the attention; divides `d_model`.
        ffn_dim: width inside the feed-forward blocks.
        mbt_ffn_dim: the same of MBT's blocks; by default `ffn_dim`.
        n_bottleneck: tokens of MBT.
        dropout: of embeddings, the hub's included, and blocks.
        attention_dropout: of the attention's weights.
        pos: fixed sine positions, or none.
        token_init: of learned tokens.
        eq4_pool: how Eq. 4 is read, see `olmlib.irfb.IRFB`.
        mask_order: where the mask of padding has the CLS token.
        readout_norm: layer norm before the heads: one per stream, one for all, or none.
        pool_include_cls: the pooled feature is a mean that includes the CLS token.
        detach_unimodal: no gradient flows from the hub to the unimodal streams.
        double_call: the hub's block runs twice, as in the official code.
        attention_weights: of the attention fusion.
        late_fusion: what the fused head reads: the hub, or attention over all streams.
        input_norm: modalities whose features are layer-normalised first.
        max_len: modality -> rows of a clip that are used; by default all.
        head_bias: the heads have a bias.
    """

    modalities: tuple[str, ...] = ()
    inputs: dict[str, Count] = field(default_factory=dict)
    fusion: Literal["attention", "mbt", "irfb"] = "irfb"
    n_layers: Count = 6
    d_model: Count = 768
    n_heads: Count = 8
    ffn_dim: Count = 1024
    mbt_ffn_dim: Count | None = None
    n_bottleneck: Count = 12
    dropout: Share = 0.1
    attention_dropout: Share = 0.0
    pos: Literal["sincos", "none"] = "sincos"
    token_init: Literal["normal", "zeros"] = "normal"
    eq4_pool: Literal["broadcast", "token", "modality", "sum_ffn"] = "broadcast"
    mask_order: Literal["cls_first", "cls_last"] = "cls_first"
    readout_norm: Literal["per_stream", "shared", "none"] = "per_stream"
    pool_include_cls: bool = True
    detach_unimodal: bool = False
    double_call: bool = False
    attention_weights: Literal["softmax", "raw"] = "softmax"
    late_fusion: Literal["hub", "attention"] = "hub"
    input_norm: tuple[str, ...] = ("hog",)
    max_len: dict[str, Count] = field(default_factory=dict)
    head_bias: bool = True

    def __post_init__(self):
        """Refuse values that no network can have."""
        checked_fields(self)
        if self.d_model % self.n_heads:
            raise ValueError(f"d_model {self.d_model} is not divisible by n_heads {self.n_heads}")


Configured = TypeVar("Configured", bound=TrainConfig | NetworkConfig)


def alone(config: NetworkConfig, modality: str) -> NetworkConfig:
    """Return the configuration of one of a network's modalities by itself.

    Raises:
        ValueError: the network has no such modality, or its modalities meet inside of it.
    """
    if isinstance(config, TransformerConfig):
        known = config.modalities
    elif isinstance(config, LateFusionConfig):
        known = tuple(config.encoders)
    elif isinstance(config, MLPFusionConfig):
        known = tuple(config.inputs)
    else:
        name = type(config).__name__.removesuffix("Config")
        raise ValueError(f"{name} has no part that could train {modality} alone")
    if modality not in known:
        raise ValueError(f"there is no modality {modality!r}; there are {', '.join(known)}")
    if isinstance(config, TransformerConfig):
        return replace(config, modalities=(modality,))
    if isinstance(config, LateFusionConfig):
        return replace(config, encoders={modality: config.encoders[modality]})
    return replace(config, inputs={modality: config.inputs[modality]})


def _check_names(field: str, modalities: Mapping[str, Any]) -> None:
    """Refuse names that no head of a network can have."""
    if "fused" in modalities:
        raise ValueError(f"{field} name at least one modality, and none is called fused")
    for modality in modalities:
        if not modality.isidentifier():
            raise ValueError(f"{field} name {modality!r}, which is not a name without a dot")


# What the official code does where it differs from the defaults. The width of MBT's blocks is an
# argument that its code never passes on.
PRESETS = {
    "official": {
        "n_layers": 3,
        "mbt_ffn_dim": 2048,
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
}


def configuration(kind: type[Configured], values: Mapping[str, Any]) -> Configured:
    """Return a configuration of a kind from what a file says.

    Args:
        kind: `TrainConfig` or one of `NetworkConfig`.
        values: field -> value; of a transformer, `preset` may name one of `PRESETS`, which goes
            under the other values.

    Raises:
        ValueError: a misspelt or a missing field or a value that it cannot have; the message names
            each one.
    """
    values = _with_preset(kind, values)
    check(kind, values)
    needed = [f.name for f in fields(kind) if f.default is f.default_factory is MISSING]
    missing = [name for name in needed if name not in values]
    if missing:
        raise ValueError("\n".join(f"{name} is missing" for name in missing))
    return kind(**values)


def changed(config: Configured, values: Mapping[str, Any]) -> Configured:
    """Return a configuration with other values in some fields.

    Args:
        config: what stays where `values` says nothing.
        values: as of `configuration`; a preset goes over `config` and under the other values.

    Raises:
        ValueError: a misspelt field or a value that it cannot have; the message names each one.
    """
    values = _with_preset(type(config), values)
    check(type(config), values)
    return replace(config, **values)


def _with_preset(kind: type, values: Mapping[str, Any]) -> dict[str, Any]:
    values = dict(values)
    if kind is not TransformerConfig or "preset" not in values:
        return values
    preset = values.pop("preset")
    if preset not in PRESETS:
        raise ValueError(f"preset is {preset!r}, not one of {', '.join(PRESETS)}")
    return PRESETS[preset] | values
