"""The lists of AVE: which clips there are, what happens in each and when, and their splits.

A line of a list is `Category&VideoID&Quality&Start&End`. An order file names lines of
`Annotations.txt` by their number.
"""

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from companion.data.hdf5 import Array
from companion.data.release import ReleaseError, read_text

# In the order of the published label files, which differs from the alphabet and from the lists.
CLASSES = (
    "Church bell",
    "Male speech, man speaking",
    "Bark",
    "Fixed-wing aircraft, airplane",
    "Race car, auto racing",
    "Female speech, woman speaking",
    "Helicopter",
    "Violin, fiddle",
    "Flute",
    "Ukulele",
    "Frying (food)",
    "Truck",
    "Shofar",
    "Motorcycle",
    "Acoustic guitar",
    "Train horn",
    "Clock",
    "Banjo",
    "Goat",
    "Baby cry, infant cry",
    "Bus",
    "Chainsaw",
    "Cat",
    "Horse",
    "Toilet flush",
    "Rodents, rats, mice",
    "Accordion",
    "Mandolin",
)
SEGMENTS = 10
# Part of the release -> split.
PARTS = {"train": "train", "val": "dev", "test": "test"}
# Names of the array in a feature or label file, and in an order file.
KEY, ORDER = "avadataset", "order"
FIELDS = "Category&VideoID&Quality&StartTime&EndTime"
# The one line of the release whose event lasts no time: ten segments of background.
TIMELESS = {"Church bell&VWi2ENBuTbw"}
SOURCE = (
    "The README of github.com/YapengTian/AVE-ECCV18 links to AVE_Dataset.zip (lists and videos) "
    "and to the features"
)


@dataclass(frozen=True)
class Event:
    """One clip and its event.

    Attributes:
        id: category and YouTube id, as the lists begin a line: "Bark&...".
        label: position in the release's classes; their number where all of it is background.
        split: "train", "dev" or "test".
        group: YouTube id.
        start, end: the event fills the segments from `start` to `end` - 1.
        row: in the feature files.
    """

    id: str
    label: int
    split: str
    group: str
    start: int
    end: int
    row: int


def read(root: Path) -> tuple[Event, ...]:
    """Read the lists under `root`.

    Returns:
        The clips, in the order of `Annotations.txt`.

    Raises:
        ReleaseError: a list is missing, empty or wrong, an order file does not fit, or a clip is in
            no split or in two; says where.
    """
    events = _events(root / "Annotations.txt")
    rows = {event.id: event for event in events}
    split: dict[str, str] = {}
    for part, name in PARTS.items():
        for place, wanted in _part(root, part, events):
            known = rows.get(wanted.id)
            if known is None or (known.start, known.end) != (wanted.start, wanted.end):
                raise ReleaseError(f"{place}: {wanted.id} is not as in Annotations.txt. {SOURCE}")
            if wanted.id in split:
                raise ReleaseError(f"{place}: {wanted.id} is listed before, in {split[wanted.id]}")
            split[wanted.id] = name
    absent = [event.id for event in events if event.id not in split]
    if absent:
        raise ReleaseError(
            f"{root}: {len(absent)} of {len(events)} lines of Annotations.txt are in no split, the "
            f"first is {absent[0]}. {SOURCE}"
        )
    return tuple(replace(event, split=split[event.id]) for event in events)


def _events(path: Path) -> list[Event]:
    """Return the clips of `Annotations.txt`, still without a split."""
    events = [event for _, event in _read(path)]
    twice = [name for name, count in Counter(e.id for e in events).items() if count > 1]
    if twice:
        raise ReleaseError(f"{path}: {twice[0]} has two lines ({len(twice)} such clips in all)")
    return [replace(event, row=row) for row, event in enumerate(events)]


def _part(root: Path, part: str, events: list[Event]) -> list[tuple[str, Event]]:
    """Return place and clip of every line of a split, by its list, its order file, or both."""
    listed, order = root / f"{part}Set.txt", root / f"{part}_order.h5"
    lines = _read(listed) if listed.exists() or not order.exists() else None
    if not order.exists():
        return lines or []
    numbers = Array(order, ORDER, (None,), SOURCE, np.int64)[:]
    outside = numbers[(numbers < 0) | (numbers >= len(events))]
    if len(outside):
        raise ReleaseError(
            f"{order}: row {outside[0]} is not in 0 ... {len(events) - 1}, the lines of "
            f"Annotations.txt. {SOURCE}"
        )
    ordered = [(f"{order}, entry {i}", events[row]) for i, row in enumerate(numbers)]
    if lines is None:
        return ordered
    if len(lines) != len(ordered):
        raise ReleaseError(f"{order} has {len(ordered)} rows and {listed} {len(lines)}. {SOURCE}")
    for (place, one), (other, two) in zip(lines, ordered, strict=True):
        if one.id != two.id:
            raise ReleaseError(f"{place} is {one.id}, but {other} is {two.id}. {SOURCE}")
    return lines


def _read(path: Path) -> list[tuple[str, Event]]:
    """Return place and clip of every line of a list, whose first line may be a header."""
    found = []
    for number, line in enumerate(read_text(path, SOURCE).splitlines(), 1):
        fields = [field.strip() for field in line.split("&")]
        # Some copies of the release have a header and some have not.
        if fields == [""] or (number == 1 and fields[1:2] == ["VideoID"]):
            continue
        found.append((f"{path}, line {number}", _event(fields, f"{path}, line {number}")))
    if not found:
        raise ReleaseError(f"{path} is empty: expected lines of {FIELDS}. {SOURCE}")
    return found


def _event(fields: list[str], place: str) -> Event:
    if len(fields) != 5:
        raise ReleaseError(f"{place}: expected {FIELDS}, found {'&'.join(fields)}")
    category, video, _, *seconds = fields
    name = f"{category}&{video}"
    if category not in CLASSES:
        raise ReleaseError(f"{place}: category {category!r} is not one of AVE's 28")
    # It becomes the name of a file.
    if not video or Path(video).name != video or "\0" in video:
        raise ReleaseError(f"{place}: {video!r} is no id of a video")
    if not all(value.isascii() and value.isdigit() for value in seconds):
        raise ReleaseError(f"{place}: start and end of {name} are {seconds}, not whole seconds")
    start, end = map(int, seconds)
    if start == end and name not in TIMELESS:
        raise ReleaseError(
            f"{place}: the event of {name} starts and ends at {start}, it has no segment. Mend "
            "this line, or leave it out with its rows in the feature files"
        )
    if start > end or end > SEGMENTS:
        raise ReleaseError(f"{place}: {name} lasts from {start} to {end}, not within 0 to 10")
    return Event(name, CLASSES.index(category), "", video, start, end, -1)
