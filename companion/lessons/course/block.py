"""An IRFB as plain matrices, for those who write its equations down themselves."""

import torch
from torch import Tensor, nn

from olmlib.irfb import IRFB


def block(d: int, tokens: int, heads: int, seed: int, pool: str = "broadcast") -> IRFB:
    """Return an IRFB of two modalities with matrices large enough that nothing is nearly uniform.

    Args:
        d: width of all tokens.
        tokens: of the hub.
        heads: of the attention; divides `d`.
        seed: of the matrices.
        pool: how Eq. 4 is read, see `IRFB`.
    """
    generator = torch.Generator().manual_seed(seed)
    made = IRFB(d, 2, heads, tokens, pool=pool).double().eval()
    for name, parameter in made.named_parameters():
        if parameter.ndim == 2:
            nn.init.normal_(parameter, std=d**-0.5, generator=generator)
        elif not name.endswith("norms.0.weight") and not name.endswith("norms.1.weight"):
            nn.init.zeros_(parameter)
    return made


def matrices(made: IRFB) -> dict:
    """Return the matrices of Eq. 2-4 by their letters; each maps a row vector x to `x @ W.T`.

    Returns:
        `Q`, `K`, `V`, `P`: of each modality one `(d, d)`; `gate`: `(M d, M d)`, for the
        concatenated CLS tokens; `key`: `(d, d)`; `score`: `(d,)`.
    """
    parts: dict[str, list[Tensor]] = {letter: [] for letter in "QKVP"}
    for reader in made.readers:
        packed = reader.get_parameter("project.weight").detach().chunk(3)
        for letter, matrix in zip("QKV", packed, strict=True):
            parts[letter].append(matrix)
        parts["P"].append(reader.get_parameter("out.weight").detach())
    single = {"gate": made.gate.weight, "key": made.key.weight, "score": made.score.weight[0]}
    return parts | {name: matrix.detach() for name, matrix in single.items()}
