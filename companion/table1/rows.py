"""The rows of Table 1: names, blocks, and the letters of the ablation."""

from companion import paper

LABELS = {
    "avslowfast": "AVSlowFast-lite †",
    "cur": "CUR †",
    "bilinear": "Bilinear",
    "ogm": "OGM, without GE",
    "three_heads": "Three heads (all w = 1)",
    "olm": "OLM (stable)",
    "olm_paper": "OLM (paper)",
    "olm_code": "OLM (code)",
    "olm_variant": "OLM (variant)",
    "olm_uniform": "OLM, uniform λ",
    "olm_random": "OLM, random λ of the same spread",
    "olm_constant": "OLM, constant w = 0.8",
    "olm_constant_half": "OLM, constant w = 0.5",
    "olm_reversed": "OLM, reversed rule",
    "olm_norm_free": "OLM, norm-free rule",
    "olm_current": "OLM, current norms",
    "olm_full_probe": "OLM, 64 dev clips at every step",
}

# Letters of the ablation's rows; notebook 20_table1 explains them.
ABLATION = {
    "three_heads": "a",
    "olm_uniform": "b",
    "olm_random": "c",
    "olm_constant": "d",
    "olm_code": "e",
    "olm": "f",
    "olm_reversed": "g",
    "olm_norm_free": "h",
    "olm_constant_half": "i",
    "olm_current": "j",
}
REFERENCES = ("concat", "three_heads")

# The paper's caption excepts CUR and AVSlowFast from "the same encoders", so they stand apart.
NEW = "Balancing"
OTHER_ENCODERS = "Balancing, other encoders †"
CONTROLS = "Controls of OLM"
BLOCKS = {
    "Unimodal": ("audio_only", "visual_only"),
    "Late fusion": ("concat", "sum", "film", "gated", "attention", "bilinear"),
    NEW: ("gradnorm", "mmcosine", "gblend", "pmr", "ogm_ge", "ogm"),
    OTHER_ENCODERS: ("avslowfast", "cur"),
    "OLM": ("three_heads", "olm", "olm_paper", "olm_code", "olm_variant"),
    CONTROLS: (
        *("olm_uniform", "olm_random", "olm_constant", "olm_constant_half", "olm_reversed"),
        *("olm_norm_free", "olm_current", "olm_full_probe"),
    ),
}


def label(row: str) -> str:
    """Return a row's readable name: ours, else the paper's, else that of `params.yaml`."""
    return LABELS.get(row) or paper.TABLE1_ROWS.get(row) or row.replace("_", " ")


def block(row: str) -> str:
    """Return the block of the table in which a row stands; a row not listed counts as balancing."""
    return next((name for name, members in BLOCKS.items() if row in members), NEW)


def place(row: str) -> int:
    """Return the number of the row's block, for a stable sort."""
    return list(BLOCKS).index(block(row))


def competes(row: str) -> bool:
    """Tell whether the row is a method by itself and not there to explain another one."""
    return block(row) != CONTROLS and row not in ("bilinear", "ogm", "olm_variant")
