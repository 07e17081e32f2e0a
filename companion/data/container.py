"""The one place that opens videos: which streams are the clip, and whether they are all there."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import av
from av.stream import Disposition

from companion.data import files
from companion.data.files import BadClip, place
from companion.data.truncated import refuse_cut

# What a container may hold besides the clip's own picture, and besides its own sound.
ASIDE = {
    "video": Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image,
    "audio": Disposition.comment
    | Disposition.karaoke
    | Disposition.hearing_impaired
    | Disposition.visual_impaired
    | Disposition.clean_effects,
}


@dataclass(frozen=True)
class Opened:
    """A container and what it holds of the clip.

    Attributes:
        video, audio: the stream of the picture and of the sound; None where there is none.
        packets: those with content, by the index of their stream, in the order of the file.
        cover: whether it holds a picture that is not the clip's.
        seconds: how long the container says it is; 0 where it does not.
    """

    video: av.VideoStream | None
    audio: av.AudioStream | None
    packets: dict[int, list[av.Packet]]
    cover: bool
    seconds: float

    def start(self, stream: av.VideoStream | av.AudioStream | None) -> float | None:
        """Return when a stream is first shown or heard, in seconds, or None if nobody knows."""
        packets = [] if stream is None else self.packets[stream.index]
        ticks = [p.pts for p in packets if p.pts is not None and not p.is_discard]
        return seconds(min(ticks), packets[0]) if ticks else None


@contextmanager
def opened(path: Path, what: str = "") -> Iterator[Opened]:
    """Open a container and read it to its end, without decoding it.

    The picture is the stream that its disposition does not call a cover or a thumbnail, the sound
    the one that is not called a commentary or the like; of several, one of more than one frame and
    then the default one, then the first.

    Args:
        path: FLV, MP4 or another container that FFmpeg reads.
        what: which part of it cannot be decoded where that fails, "has sound that " or nothing.

    Raises:
        BadClip: missing, empty, a Git-LFS pointer, not a container, truncated, or FFmpeg finds an
            error within the block.
    """
    files.refuse(path)
    try:
        refuse_cut(path)
        # From the root on: FFmpeg takes what stands before a colon for a protocol. And a title that
        # is not UTF-8 is no reason to lose a clip.
        with av.open(str(path.absolute()), metadata_errors="replace") as container:
            packets: dict[int, list[av.Packet]] = {s.index: [] for s in container.streams}
            for packet in container.demux(container.streams.video + container.streams.audio):
                if packet.size:
                    packets[packet.stream_index].append(packet)
            video = _chosen(container.streams.video, "video")
            audio = _chosen(container.streams.audio, "audio")
            length = (container.duration or 0) / av.time_base
            begin = (container.start_time or 0) / av.time_base
            _refuse_short(path, [part for part in packets.values() if part], begin, length)
            yield Opened(video, audio, packets, bool(container.streams.video), length)
    except av.FFmpegError as error:
        if error.errno in files.MACHINE:
            raise
        raise BadClip(f"{place(path)} {what}cannot be decoded: {error.strerror}") from None
    except OSError as error:
        raise files.unreadable(path, error) from None


def seconds(ticks: int, packet: av.Packet) -> float:
    """Return a number of ticks of the time base of `packet` in seconds."""
    # The product of Python's fractions would be the same number, many times slower.
    return ticks * packet.time_base.numerator / packet.time_base.denominator


def _chosen(streams: Sequence, kind: str):
    own = [stream for stream in streams if not stream.disposition & ASIDE[kind]]
    if kind == "audio" and not own:
        own = list(streams)  # a commentary is the sound if there is no other
    return max(
        own, key=lambda s: (s.frames != 1, bool(s.disposition & Disposition.default)), default=None
    )


def _refuse_short(path: Path, streams: list[list[av.Packet]], begin: float, length: float) -> None:
    """Refuse a container whose last packet of any stream ends long before the end it tells.

    Headers of real releases are imprecise: less than a second and less than half may be missing.
    """
    ends = []
    for packets in streams:
        if any(packet.is_corrupt for packet in packets):
            raise BadClip(f"{place(path)} is truncated")
        ticks = [p.pts + (p.duration or 0) for p in packets if p.pts is not None]
        ends += [seconds(max(ticks), packets[0])] if ticks else []
    if not ends or not length or sum(map(len, streams)) < 2:
        return
    # Matroska counts from 0 on, others from the first packet.
    there = max(ends) - min(begin, 0.0)
    if there < length / 2 or there < length - max(1.0, 0.1 * length):
        raise BadClip(f"{place(path)} is truncated: {length:.1f} s promised, {there:.1f} s there")
