"""The data sets by name, as `params.yaml` calls them."""

from pathlib import Path

from companion.data import avmnist, cremad, ks, mer2023, vggsound
from companion.data.release import Release
from companion.params import Prepare, PrepareSequences


def load(
    name: str, root: str | Path, config: Prepare | PrepareSequences
) -> Release | mer2023.Release:
    """Read the release of data set `name` under `root`, split and weakened as `config` says.

    The miniatures of Kinetics-Sounds and VGGSound have only some of the classes, so these two data
    sets take the classes of their train list, see `Release.present`.

    Raises:
        ValueError: no data set of that name.
        ReleaseError: the release cannot be read as it is.
    """
    if name == "cremad":
        return cremad.load(root, config.split, config.drop_broken, config.seed)
    if name == "avmnist":
        return avmnist.load(root, config.split, config.seed, config.pca_energy, config.audio_noise)
    if name == "ks":
        return ks.load(root, config.split).present()
    if name == "vggsound":
        return vggsound.load(root, config.split).present()
    if name == "mer2023":
        return mer2023.load(root, config)
    raise ValueError(f"no data set {name!r}; there are cremad, avmnist, ks, vggsound, mer2023")


def raw(name: str, profile: str) -> Path:
    """Return where the release of a data set lies, relative to the repository's root.

    AV-MNIST is the same in every profile; every other data set has a release per profile.
    """
    return Path("raw", name) if name == "avmnist" else Path("raw", profile, name)
