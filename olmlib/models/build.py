"""The network that a configuration asks for."""

from olmlib.config import LateFusionConfig, MLPFusionConfig, NetworkConfig
from olmlib.models.network import Network
from olmlib.models.table import NETWORKS


def build(num_classes: int, config: NetworkConfig, aux_heads: bool = False, **options) -> Network:
    """Return the network whose configuration `config` is.

    Args:
        num_classes: C.
        config: of the network.
        aux_heads: whether the method needs a head per modality.
        **options: of the late fusion; no other network has any.

    Raises:
        ValueError: options that the network does not have, or auxiliary heads for one modality.
    """
    kind = NETWORKS[type(config)]
    if options and not isinstance(config, LateFusionConfig | MLPFusionConfig):
        raise ValueError(f"{kind.__name__} takes no {', '.join(options)}: set it in its `model`")
    return kind(num_classes, config, aux_heads, **options)
