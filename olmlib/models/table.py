"""The table of networks: which one a configuration asks for."""

from torch import nn

from companion import params
from olmlib.models import late_fusion, transformer

NETWORKS: dict[type, type[nn.Module]] = {
    params.Model: late_fusion.LateFusion,
    params.Transformer: transformer.Transformer,
}
