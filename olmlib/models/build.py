"""Which network a configuration asks for."""

from importlib import import_module

from torch import nn

from companion import params


def module(config: params.Model | params.Transformer) -> str:
    """Return the dotted name of the module with the network of `config`.

    By name, as methods are found, so that a run's identity holds the source of its own network and
    not that of every other one (`companion.runs.sources`).
    """
    return f"olmlib.models.{'late_fusion' if isinstance(config, params.Model) else 'transformer'}"


def build(
    num_classes: int, config: params.Model | params.Transformer, aux_heads=False, **options
) -> nn.Module:
    """Return a late fusion of CNNs, or a transformer; both return `Outputs`.

    Args:
        num_classes: C.
        config: its type says which.
        aux_heads: as in `LateFusion`; a transformer with a hub has a head per modality anyway.
        **options: of the late fusion.

    Raises:
        ValueError: options for a transformer, whose fusion its configuration names, or auxiliary
            heads for one that has none.
    """
    networks = import_module(module(config))
    if isinstance(config, params.Model):
        return networks.LateFusion(num_classes, config, aux_heads, **options)
    if options:
        raise ValueError(f"a transformer takes no {', '.join(options)}: set its `model.fusion`")
    model = networks.Transformer(num_classes, config)
    if aux_heads and len(model.heads) == 1:
        raise ValueError(
            f"this method needs a head per modality, and the transformer of "
            f"{', '.join(config.modalities)} with fusion {config.fusion!r} has one head in all: "
            "take fusion mbt or irfb, and two modalities"
        )
    return model
