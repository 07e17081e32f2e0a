"""The options of every method, their values, and where those values come from."""

from collections.abc import Mapping
from inspect import Parameter, signature

import pandas as pd

from companion import params
from companion.table1 import rows
from olmlib.methods.table import METHODS
from olmlib.olm_presets import PRESETS

# Kinds of origin, from the strongest to the weakest.
PAPER, CODE = "its paper", "its released code"
OTHER = "its paper or code, other data"
OPEN = "published nowhere: our choice"
OURS = "ours"

# (method, option) or (method, option, value) -> kind of origin, and a note. The values themselves
# are read from the code and from params.yaml.
ORIGINS = {
    ("joint", "fusion"): (PAPER, "it is what the row is about"),
    ("joint", "normalize"): (OURS, "the code has none, and diverges at the shared learning rate"),
    ("joint", "normalize", "tanh"): (
        OTHER,
        "low-rank bilinear pooling; without it one of three seeds diverged on one processor",
    ),
    ("unimodal", "modality"): (PAPER, "it is what the row is about"),
    ("joint", "mask"): (OURS, "how unimodal logits are read off; changes no fused number"),
    ("gradnorm", "alpha"): (OTHER, "NYUv2 tasks; no audiovisual value is published"),
    ("gradnorm", "lr_w"): (OTHER, "NYUv2 tasks"),
    ("gradnorm", "floor"): (OPEN, "keeps weights positive"),
    ("gradnorm", "l0"): (PAPER, "its answer to a first loss that is not stable"),
    ("gradnorm", "site"): (OPEN, "which shared weights, for a late fusion"),
    ("mmcosine", "scale"): (CODE, "the same for all its data sets"),
    ("mmcosine", "eval"): (PAPER, "the code predicts with the linear logits"),
    ("gblend", "mode"): (PAPER, "the OLM paper does not say"),
    ("gblend", "epochs_share"): (PAPER, "N = 0, n = E"),
    ("gblend", "super_epoch"): (OTHER, "used online only"),
    ("gblend", "hold_out"): (OPEN, "nine tenths and one"),
    ("gblend", "folds"): (OPEN, "the OLM paper says five, for five times the cost"),
    ("gblend", "scale"): (PAPER, "weights sum to 1"),
    ("gblend", "estimate"): (PAPER, "not as the codes of others have it"),
    ("gblend", "start"): (PAPER, "losses before the first step"),
    ("pmr", "alpha"): (PAPER, "1 or 2 there, by data set"),
    ("pmr", "mu"): (PAPER, "1e-2 or 1e-3 there"),
    ("pmr", "regularise"): (OPEN, "5 of 100 epochs"),
    ("pmr", "until"): (CODE, "of its commands; 70 of 100 epochs"),
    ("pmr", "eps"): (CODE, "default; its commands have 0"),
    ("pmr", "subset"): (PAPER, "10 %"),
    ("pmr", "coefficient"): (PAPER, "the code has the hard one"),
    ("pmr", "per"): (PAPER, "the code has no such term"),
    ("ogm_ge", "alpha"): (CODE, "0.8 for CREMA-D and 0.1 for VGGSound there, none for KS"),
    ("ogm_ge", "start"): (CODE, "epoch 0 of 100"),
    ("ogm_ge", "until"): (CODE, "epoch 50 of 100"),
    ("ogm_ge", "ge"): (PAPER, "off in the row that says so"),
    ("avslowfast", "drop"): (OTHER, "Kinetics-400"),
    ("avslowfast", "avs"): (OURS, "the synchrony loss needs more than a clip's few frames"),
    ("cur", "threshold"): (OTHER, "ModelNet40"),
    ("cur", "window"): (OTHER, "ModelNet40"),
    ("cur", "start_epoch"): (CODE, ""),
    ("cur", "rule"): (PAPER, ""),
    ("cur", "gate_scale"): (CODE, "MMTM as published has 2"),
    ("olm", "preset", "paper"): (PAPER, "Algorithm 1"),
    ("olm", "preset", "code"): (CODE, "the official engine"),
    ("olm", "preset", "variant"): (CODE, "its second script"),
    ("olm", "preset"): (OURS, "made stable, see notebook 03"),
    ("olm", "eta"): (CODE, "for its Adam; the paper has none: see the sweep over Algorithm 1"),
    ("olm", "steps"): (CODE, "as eta"),
    ("olm", "reference"): (OURS, "control: the closed loop between w and the norms"),
    ("olm", "rule"): (OURS, "controls: what is left without the rule"),
    ("olm", "constant"): (OURS, "control: a temperature and nothing else"),
    ("olm", "probe_size"): (OURS, "the cheap probe; the row with 64 clips shows its effect"),
    ("olm", "probe_every"): (OURS, "as probe_size"),
    ("olm", "dev_iter"): (OURS, "as many steps as every other row; the code stops at `zip`"),
    ("olm", "network_loss"): (OURS, "the code's sum goes with its Adam; SGD diverges on it"),
}
UNKNOWN = (OURS, "see the method's file")


def table(chosen: Mapping[str, params.Row]) -> pd.DataFrame:
    """Return one line per method, option and value.

    Args:
        chosen: names of rows -> what `params.yaml` says of them.

    Returns:
        Columns `Method` (a file of `olmlib/methods`), `Option`, `Value`, `Rows` (labels, or
        `all` of the method), `From` (a kind of origin) and `Note`, all text.
    """
    labels: dict[tuple, list[str]] = {}
    for name in sorted(chosen, key=rows.place):
        row = chosen[name]
        for option, value in options(row).items():
            labels.setdefault((row.method, option, str(value)), []).append(rows.label(name))
    lines = []
    for (method, option, value), names in labels.items():
        known = (ORIGINS.get(key) for key in ((method, option, value), (method, option)))
        origin, note = next(filter(None, known), UNKNOWN)
        if (method, option) == ("olm", "preset"):
            own = [row.options for row in chosen.values() if row.options.get("preset") == value]
            note += f" ({_fields(value, set().union(*own))})"
        # The names of a dozen rows with the same value would be noise.
        others = sum(key[:2] == (method, option) for key in labels) > 1
        shown = "; ".join(names) if len(names) < 6 else "all others" if others else "all"
        lines.append((method, option, value, shown, origin, note))
    columns = ["Method", "Option", "Value", "Rows", "From", "Note"]
    return pd.DataFrame(lines, columns=columns).sort_values(["Method", "Option"], kind="stable")


def options(row: params.Row) -> dict:
    """Return a row's options: the defaults of its method, and what `params.yaml` changes.

    A field of the model that the row changes is `model.` and its name.
    """
    known = signature(METHODS[row.method]).parameters
    changed = row.options | {f"model.{name}": value for name, value in row.model.items()}
    return {
        name: parameter.default
        for name, parameter in known.items()
        # A default of None leaves to somebody else what happens.
        if name != "seed" and parameter.default not in (Parameter.empty, None)
    } | changed


def without_any(chosen: Mapping[str, params.Row]) -> list[str]:
    """Return the labels of the rows that have no option at all."""
    return [rows.label(name) for name, row in chosen.items() if not options(row)]


def _fields(preset: str, said: set[str]) -> str:
    """Return the numbers behind a preset's name, in words, without those that rows say."""
    config = PRESETS[preset]
    inner = ("eta", "steps") if config.solver in ("sgd", "adam") else ()
    names = ("solver", "factors", *inner, "smoothing", "clamp")
    return ", ".join(f"{name} {getattr(config, name)}" for name in names if name not in said)
