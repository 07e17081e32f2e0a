"""The network that a configuration asks for."""

from olmlib.config import NetworkConfig, TransformerConfig
from olmlib.models.network import Network
from olmlib.models.table import NETWORKS


def build(num_classes: int, config: NetworkConfig, aux_heads: bool = False, **options) -> Network:
    """Return a late fusion of CNNs or of MLPs, or a transformer, by the type of `config`.

    Args:
        num_classes: C.
        config: of the network.
        aux_heads: whether the method needs a head per modality.
        **options: of the late fusion; a transformer has none.

    Raises:
        ValueError: options that the network does not have, or auxiliary heads for one modality.
    """
    if options and isinstance(config, TransformerConfig):
        raise ValueError(f"a transformer takes no {', '.join(options)}: set its `model.fusion`")
    return NETWORKS[type(config)](num_classes, config, aux_heads, **options)
