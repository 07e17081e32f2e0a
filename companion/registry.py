"""The data sets: an entry each, which says all that the rest must know of one data set.

A new one is an entry here, a file with its loader, a section in `params.yaml`, and its name in
`table1_sets` there.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from companion import settings
from companion.data import ave, cremad, ks, mer2023, sections, sunrgbd, vggsound
from companion.data.release import Release
from companion.miniature import ks as mini_ks
from companion.miniature import plan, unseen
from companion.miniature import vggsound as mini_vggsound
from companion.miniature.ave import ave as make_ave
from companion.miniature.cremad import cremad as make_cremad
from companion.miniature.mer2023 import mer2023 as make_mer2023
from companion.miniature.sounds.voices import Sources
from companion.miniature.sunrgbd import sunrgbd as make_sunrgbd

AnySection = settings.DataSet | settings.Sequences | settings.Segments | settings.Features
AnyRelease = Release | mer2023.Release | ave.Release | sunrgbd.Release


@dataclass(frozen=True)
class DataSet:
    """What one data set is.

    Attributes:
        title: its readable name.
        section: type of its part of a profile. It is also the kind of its prepared data: arrays of
            `settings.DataSet` (notebooks 01, 10, 11 and 20), sequences of features of
            `settings.Sequences` (notebooks 12 and 24), segments of `settings.Segments`
            (notebooks 13, 14 and 23), or vectors of `settings.Features` (notebooks 15 and 31).
        load: reads the release in a folder, split as the section's `prepare` says.
        table: of the paper, that shows it, or figure. Without one it has a pipeline of its own, on
            recordings that are the same in every profile.
        column: its name in `data/paper/table1.csv`, where the paper has numbers of it.
        splits: what `prepare.split` can be.
        make: writes its miniature: (sources, folder, size, worker processes).
        size: of the miniature that `python -m companion.miniature` makes by default.
        unseen: ids of the clips of its miniature that never show what they are labelled: (sources,
            size).
    """

    title: str
    section: type[AnySection]
    load: Callable[..., AnyRelease]
    table: str | None = None
    column: str | None = None
    splits: tuple[str, ...] = ("published", "actor")
    make: Callable[..., Path] | None = None
    size: sections.Miniature | None = None
    unseen: Callable[[Path, sections.Miniature], frozenset[str]] | None = None


# Of Kinetics-Sounds and VGGSound a miniature has some of the classes only: those of its train list
# are the classes, see `Release.present`.
DATASETS = {
    "cremad": DataSet(
        title="CREMA-D",
        section=settings.DataSet,
        load=lambda root, config: cremad.load(root, config.split, config.drop_broken, config.seed),
        table="table1",
        column="cremad",
        make=make_cremad,
        size=sections.Miniature(actors=24, clips=768),
        unseen=lambda source, size: unseen.emotions(
            plan.clips(Sources(source / "cremad"), size.actors or 0, size.clips, size.seed)
        ),
    ),
    "ks": DataSet(
        title="Kinetics-Sounds",
        section=settings.DataSet,
        load=lambda root, config: ks.load(root, config.split).present(),
        table="table1",
        column="ks",
        splits=("published",),
        make=mini_ks.ks,
        size=sections.Miniature(clips=800),
        unseen=lambda source, size: unseen.actions(mini_ks.plan(size)),
    ),
    "vggsound": DataSet(
        title="VGGSound",
        section=settings.DataSet,
        load=lambda root, config: vggsound.load(root, config.split).present(),
        table="table1",
        column="vggsound",
        splits=("published",),
        make=mini_vggsound.vggsound,
        size=sections.Miniature(clips=800),
        unseen=lambda source, size: unseen.actions(mini_vggsound.plan(size)),
    ),
    "ave": DataSet(
        title="AVE",
        section=settings.Segments,
        load=lambda root, config: ave.load(root, config).present(),
        table="table2",
        make=make_ave,
        size=sections.SegmentMiniature(clips=770, audio=32, visual=(4, 4, 32), videos=12),
    ),
    "mer2023": DataSet(
        title="MER2023",
        section=settings.Sequences,
        load=mer2023.load,
        table="table3",
        make=make_mer2023,
        size=sections.Miniature(clips=640),
    ),
    "sunrgbd": DataSet(
        title="SUN RGB-D",
        section=settings.Features,
        load=sunrgbd.load,
        table="fig4",
        make=make_sunrgbd,
        size=sections.Miniature(clips=840),
    ),
}


def entry(name: str) -> DataSet:
    """Return what is known of data set `name`.

    Raises:
        ValueError: no data set of that name.
    """
    if name not in DATASETS:
        raise ValueError(f"no data set {name!r}; there are {', '.join(DATASETS)}")
    return DATASETS[name]


def check(name: str, section: AnySection) -> None:
    """Refuse what the data set of an entry does not have.

    Raises:
        ValueError: as said; the message begins with the data set.
    """
    known, size = DATASETS[name], section.miniature
    if size and (known.make is None or known.size is None):
        raise ValueError(f"{name} has no miniature: leave {name}.miniature out")
    if size and known.size and (size.actors is None) != (known.size.actors is None):
        must = "needs" if known.size.actors else "cannot have"
        raise ValueError(f"{name}.miniature {must} a number of actors")
    if isinstance(section, settings.DataSet) and section.prepare.split not in known.splits:
        splits = ", ".join(known.splits)
        raise ValueError(f"{name}.prepare.split {section.prepare.split} is not one of {splits}")


def load(
    name: str,
    root: str | Path,
    config: sections.Prepare
    | sections.PrepareSequences
    | sections.PrepareSegments
    | sections.PrepareFeatures,
) -> AnyRelease:
    """Read the release of data set `name` under `root`, split and weakened as `config` says.

    Raises:
        ValueError: no data set of that name.
        ReleaseError: the release cannot be read as it is.
    """
    return entry(name).load(root, config)


def title(name: str, miniature: bool) -> str:
    """Return the readable name of a data set, which says so where it is a miniature."""
    return f"{entry(name).title} miniature" if miniature else entry(name).title


def hidden(name: str, source: str | Path, size: sections.Miniature | None) -> frozenset[str] | None:
    """Return the ids of the clips that never show what they are labelled, None if nobody knows.

    Args:
        name: of the data set.
        source: the shipped sources, `data/`.
        size: of its miniature; None for a real release, whose recordings nobody planned.
    """
    known = entry(name).unseen
    return known(Path(source), size) if known and size else None


def raw(name: str, profile: str) -> Path:
    """Return where the release of a data set lies, relative to the repository's root."""
    return Path("raw", profile, name) if entry(name).table else Path("raw", name)


def runs(name: str, profile: str) -> Path:
    """Return where the runs on a data set lie, relative to the repository's root.

    Those of one table share a folder, on which the stage that makes the table depends.
    """
    return Path("runs", profile, entry(name).table or "", name)


def command(name: str) -> str:
    """Return what a reader types to make the results on a data set."""
    return "make reproduce" if entry(name).table else f"make {name}"
