"""Which clips of a miniature never show what they are labelled: only their plan knows."""

from collections.abc import Iterable

from companion.miniature.events import EventClip
from companion.miniature.plan import Performance
from companion.miniature.sounds.waves import SECONDS


def actions(clips: Iterable[EventClip]) -> frozenset[str]:
    """Return the names of clips that show another action from beginning to end."""
    whole = (0.0, float(SECONDS))
    return frozenset(clip.name for clip in clips if clip.elsewhere and clip.away == whole)


def emotions(clips: Iterable[Performance]) -> frozenset[str]:
    """Return the names of clips whose face shows another emotion than the voice acts."""
    return frozenset(clip.name for clip in clips if clip.face.shown != clip.take.emotion)
