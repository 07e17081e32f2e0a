"""The table of training schemes: every method by the name that a row gives it."""

from olmlib.methods import (
    avslowfast,
    cur,
    gblend,
    gradnorm,
    joint,
    mmcosine,
    ogm_ge,
    olm,
    pmr,
    three_heads,
    unimodal,
)
from olmlib.methods.base import Method

METHODS: dict[str, type[Method]] = {
    "avslowfast": avslowfast.Scheme,
    "cur": cur.Scheme,
    "gblend": gblend.Scheme,
    "gradnorm": gradnorm.Scheme,
    "joint": joint.Scheme,
    "mmcosine": mmcosine.Scheme,
    "ogm_ge": ogm_ge.Scheme,
    "olm": olm.Scheme,
    "pmr": pmr.Scheme,
    "three_heads": three_heads.Scheme,
    "unimodal": unimodal.Scheme,
}


def create(name: str, seed: int = 0, **options) -> Method:
    """Return the method of a name in `METHODS`.

    Raises:
        ValueError: no such method, or an option that it does not have.
    """
    if name not in METHODS:
        raise ValueError(f"no method {name!r}; there are {', '.join(METHODS)}")
    return METHODS[name](seed=seed, **options)
