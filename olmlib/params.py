"""Typed reading of `params.yaml`, the only place where a value is set."""

from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    ValidationError,
    model_validator,
)

Fraction = Annotated[float, Field(gt=0, lt=1)]
Positive = Annotated[float, Field(gt=0)]
Count = Annotated[StrictInt, Field(ge=1)]
Share = Annotated[float, Field(ge=0, lt=1)]


class _Section(BaseModel):
    """A part of `params.yaml`: an unknown key or a value of another type is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Row(_Section):
    """One row of Table 1: a file of `olmlib.methods`, its options, and where it is trained.

    `model`: fields of the data set's model that differ in this row.
    `datasets`: the only data sets that have the row; by default every one has it.
    """

    method: str
    options: dict = {}
    model: dict = {}
    # Spelt out: a misspelt name would leave the row out of every table without a word.
    datasets: (
        Annotated[list[Literal["cremad", "ks", "vggsound", "avmnist"]], Field(min_length=1)] | None
    ) = None


class Miniature(_Section):
    """Size of a miniature release; only CREMA-D has actors, and needs their number."""

    actors: Count | None = None
    clips: Count
    seed: StrictInt = 0


class Prepare(_Section):
    """From a release to arrays: split, front end and sizes (methods-table1.md 1.5).

    `audio_pool`: spectrograms are stored as means over squares of this side; 1 keeps them whole.
    """

    split: Literal["published", "actor"] = "published"
    dev_fraction: Fraction
    seed: StrictInt = 0
    frontend: Literal["librosa", "mmcosine", "olm_code"] = "librosa"
    sample_rate: Count = 16_000
    seconds: Positive
    audio_pool: Count = 1
    n_frames: Count = 1
    frame_size: Count
    drop_broken: StrictBool = False
    max_rejected: Annotated[float, Field(ge=0, le=1)] = 0.01
    pca_energy: Annotated[float, Field(gt=0, le=1)] = 1.0
    audio_noise: Annotated[float, Field(ge=0)] = 0.0


class Model(_Section):
    """The late-fusion network: `width` channels in the first ResNet stage (64 in the paper).

    Not under 8: there oneDNN's 1x1 convolutions of stride 2 write past their buffer on processors
    without AVX-512, which changes numbers from run to run or ends the process (torch 2.14.1).
    """

    width: Annotated[StrictInt, Field(ge=8)] = 64
    init: Literal["ogm_ge", "olm"] = "ogm_ge"


class Transformer(_Section):
    """The transformers of Table 3 (models-tables23.md 1); a lone modality has no fusion.

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
    def _preset(cls, values: dict):
        values = dict(values)
        preset = values.pop("preset", None)
        if preset not in (None, "official"):
            raise ValueError(f"preset {preset!r} is not 'official'")
        return values if preset is None else OFFICIAL | values


# What the official code does where it differs from the defaults (models-tables23.md 8). Its MBT
# has, besides, feed-forward blocks of width 2048: an argument that is never passed on.
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


class Train(_Section):
    """One training, the same for every method (methods-table1.md 1.6).

    `valence_weight`: of the valence heads' mean squared error beside the method's own loss.
    `selection`: `best_combined` is by weighted F1 - MSE / 4 on the dev split, for emotions.
    """

    epochs: Count
    batch_size: Count
    optimizer: Literal["sgd", "adam"] = "sgd"
    lr: Positive
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    weight_decay: Annotated[float, Field(ge=0)] = 1e-4
    schedule: Literal["step", "cosine", "constant"] = "step"
    crop_scale: tuple[Fraction | Literal[1.0], Fraction | Literal[1.0]] = (0.08, 1.0)
    flip: StrictBool = True
    selection: Literal["best_dev", "best_combined", "last", "best_test"] = "best_dev"
    device: str = "cpu"
    mixed_precision: StrictBool = False
    loader_workers: Annotated[StrictInt, Field(ge=0)] = 0
    valence_weight: Annotated[float, Field(ge=0)] = 0.0


class DataSet(_Section):
    """Everything that is set for one data set."""

    miniature: Miniature | None = None
    prepare: Prepare
    model: Model
    train: Train


class PrepareSequences(_Section):
    """From feature files to arrays: folds, the files' folders and their widths (datasets.md 6)."""

    folds: Annotated[StrictInt, Field(ge=2)] = 5
    seed: StrictInt = 0
    max_rejected: Annotated[float, Field(ge=0, le=1)] = 0.01
    features: dict[str, str]
    widths: dict[str, Count]


class Sequences(_Section):
    """Everything that is set for MER2023."""

    miniature: Miniature | None = None
    prepare: PrepareSequences
    model: Transformer
    train: Train


class Profile(_Section):
    """One profile: seeds, worker processes and the data sets."""

    seeds: Annotated[tuple[StrictInt, ...], Field(min_length=1)]
    workers: Count = 1
    cremad: DataSet
    ks: DataSet | None = None
    vggsound: DataSet | None = None
    avmnist: DataSet | None = None
    mer2023: Sequences | None = None

    def dataset(self, name: str) -> DataSet | Sequences:
        """Return the section of data set `name`.

        Raises:
            ValueError: the profile has no such data set.
        """
        section = getattr(self, name, None)
        kinds = DataSet | Sequences
        if not isinstance(section, kinds):
            known = [
                key for key in type(self).model_fields if isinstance(getattr(self, key), kinds)
            ]
            raise ValueError(f"this profile has no data set {name!r}; it has {', '.join(known)}")
        return section


class Table3(_Section):
    """Table 3: every combination of modalities with every fusion; a lone one has none.

    `combinations`: the paper's letters -> modalities.
    `without_olm`: the control and Figure 1, trained on the combination `shown` only.
    `controls`: name -> fields of the model that differ from `olm_t_irfb`, one option at a time; on
    `shown`, every seed, fold 0 only.
    """

    combinations: dict[str, Annotated[tuple[str, ...], Field(min_length=1)]]
    unimodal: Row
    fusions: dict[str, Row]
    without_olm: Row
    controls: dict[str, dict] = {}
    shown: str

    @model_validator(mode="after")
    def _shown_exists(self):
        if self.shown not in self.combinations:
            known = ", ".join(self.combinations)
            raise ValueError(f"shown {self.shown!r} is not one of the combinations {known}")
        for fields in self.controls.values():
            # Refuses a misspelt field here, not after hours of training.
            Transformer(**fields)
        return self


class Params(_Section):
    """The whole of `params.yaml`."""

    profile: str
    rows: dict[str, Row]
    table3: Table3
    profiles: dict[str, Profile]

    @model_validator(mode="after")
    def _profile_exists(self):
        if self.profile not in self.profiles:
            raise ValueError(f"profile {self.profile!r} is not one of {', '.join(self.profiles)}")
        return self


def load(path: str | Path = "params.yaml") -> Params:
    """Read and check `params.yaml`.

    Raises:
        FileNotFoundError: no such file.
        ValueError: a misspelt key, a missing key or a wrong type; the message names each place.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path} not found: run from the root of the repository")
    try:
        return Params.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except yaml.YAMLError as error:
        raise ValueError(f"{path} is not valid YAML: {error}") from None
    except ValidationError as error:
        places = [f"  {'.'.join(map(str, e['loc'])) or path}: {e['msg']}" for e in error.errors()]
        raise ValueError(f"{path} has {len(places)} error(s):\n" + "\n".join(places)) from None
