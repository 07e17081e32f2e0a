"""Sound: WAV, whose headers lie now and then, what else libsndfile knows, and tracks of videos."""

import io
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Literal

import av
import numpy as np
import soundfile

from companion.data import files
from companion.data.container import opened
from companion.data.files import BadClip, place
from companion.data.truncated import MATROSKA, MP4, PLACEHOLDER, cut, refuse_cut

# Read by FFmpeg; everything else is libsndfile's.
CONTAINERS = (".mp4", ".m4a", ".mov", ".flv", ".mkv", ".webm", ".avi")
# Less than this between two parts of a track is how their times were rounded, not a pause.
PAUSE = 0.1

Order = Literal["little", "big"]


def read(path: Path) -> tuple[np.ndarray, int]:
    """Read the sound of a file to its end, whatever a header says of its length.

    Returns:
        `(samples, channels)` float32, and samples per second.

    Raises:
        BadClip: missing, empty, a Git-LFS pointer, not sound, without sound, or truncated.
    """
    files.refuse(path)
    try:
        return _track(path) if _is_container(path) else _file(path)
    except OSError as error:
        raise files.unreadable(path, error) from None


def _is_container(path: Path) -> bool:
    """Tell whether FFmpeg reads a file: by what it is, and by its name where that says nothing."""
    with path.open("rb") as file:
        head = file.read(12)
    if head[8:] == b"WAVE" or head[:4] in (b"FORM", b"fLaC", b".snd"):
        return False
    known = head[4:8] in MP4 or head[8:] == b"AVI " or head[:3] == b"FLV"
    return known or head[:4] == MATROSKA or path.suffix.lower() in CONTAINERS


def _track(path: Path) -> tuple[np.ndarray, int]:
    """Decode the sound track of a container as one channel, silent where it says nothing."""
    with opened(path, "has sound that ") as clip:
        if clip.audio is None:
            raise BadClip(f"{place(path)} is a video without audio")
        # The clip starts with its picture or its sound, whichever comes first.
        starts = [clip.start(stream) for stream in (clip.video, clip.audio)]
        start = min((time for time in starts if time is not None), default=0.0)
        to_float = av.AudioResampler("fltp")
        rate, length, parts = 0, 0, [np.zeros(0, np.float32)]
        for packet in [*clip.packets[clip.audio.index], None]:
            for decoded in clip.audio.decode(packet):
                # Not the rate of the header, which is half the true one in HE-AAC.
                rate = rate or decoded.sample_rate
                if decoded.sample_rate != rate:
                    raise BadClip(f"{place(path)} changes from {rate} to {decoded.sample_rate} Hz")
                pause = _pause(path, decoded, start + length / rate, clip.seconds)
                if pause:
                    parts.append(np.zeros(pause, np.float32))
                    length += pause
                try:
                    resampled = to_float.resample(decoded)
                except ValueError as error:  # a track of integers that changes its format
                    reason = f"has sound that cannot be decoded: {error}"
                    raise BadClip(f"{place(path)} {reason}") from None
                for part in resampled:
                    channels = part.to_ndarray()
                    parts.append(channels[0] if len(channels) == 1 else channels.mean(0))
                    length += len(parts[-1])
    return np.concatenate(parts)[:, None], rate


def _pause(path: Path, part: av.AudioFrame, end: float, longest: float) -> int:
    """Return how many samples of silence come before `part`, where there is sound until `end`."""
    if part.time is None:
        return 0
    pause = part.time - end
    if pause > max(longest, 60):
        raise BadClip(f"{place(path)} is damaged: its sound pauses for {pause:.0f} s")
    return round(pause * part.sample_rate) if pause > PAUSE else 0


def _file(path: Path) -> tuple[np.ndarray, int]:
    """Read what libsndfile knows."""
    refuse_cut(path)
    try:
        with soundfile.SoundFile(_mended(path) or path) as file:
            promised, rate = file.frames, file.samplerate
            if promised >= PLACEHOLDER:  # such as FLAC from a pipe
                raise BadClip(f"{place(path)} does not tell its length: convert it to WAV")
            sound = file.read(dtype="float32", always_2d=True)
    except soundfile.LibsndfileError as error:
        raise BadClip(f"{place(path)} cannot be read as sound: {error.error_string}") from None
    if len(sound) < promised:
        raise BadClip(
            f"{place(path)} is truncated: {promised} samples promised, {len(sound)} there"
        )
    return sound, rate


def _mended(path: Path) -> io.BytesIO | None:
    """Return a WAV with the length that its samples have, or None if its header is right.

    A recorder that is killed, or writes to a pipe, leaves no length, or one that says nothing.

    Raises:
        BadClip: fewer samples than the header says, or so many more that it cannot be right.
    """
    there = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(12)
        if head[:4] not in (b"RIFF", b"RIFX", b"RF64") or head[8:] != b"WAVE":
            return None
        order: Order = "big" if head[:4] == b"RIFX" else "little"
        found: dict[bytes, tuple[int, int]] = {}
        for name, size, start in _chunks(file, 12, order):
            found[name] = size, start
            if name == b"data":
                break
        else:
            return None
        if b"ds64" in found and size == 0xFFFFFFFF:
            file.seek(found[b"ds64"][1] + 8)
            size = int.from_bytes(file.read(8), "little")
        rest = there - start
        told = 0 < size < PLACEHOLDER
        if told and size > rest + 1:
            raise cut(path, start + size)
        if size <= rest and _is_chunks(file, start + size + size % 2, there, order):
            return None
        if told:
            # A few bytes at the end are a tag or padding. More than all the sound are more sound.
            if rest - size > size:
                raise BadClip(
                    f"{place(path)} is damaged: its header tells of {size} bytes of sound, and "
                    f"{rest} are there"
                )
            return None
    content = bytearray(path.read_bytes())
    content[4:8] = min(there - 8, 0xFFFFFFFF).to_bytes(4, order)
    if b"ds64" in found:
        wide = found[b"ds64"][1]
        content[wide : wide + 16] = struct.pack("<2Q", there - 8, rest)
    content[start - 4 : start] = min(rest, 0xFFFFFFFF).to_bytes(4, order)
    return io.BytesIO(content)


def _chunks(file: BinaryIO, position: int, order: Order) -> Iterator[tuple[bytes, int, int]]:
    """Yield name, size and start of the body of each chunk from `position`."""
    while True:
        file.seek(position)
        head = file.read(8)
        if len(head) < 8:
            return
        size = int.from_bytes(head[4:], order)
        yield head[:4], size, position + 8
        position += 8 + size + size % 2


def _is_chunks(file: BinaryIO, position: int, end: int, order: Order) -> bool:
    """Tell whether the file goes on with whole chunks, or with nothing, up to `end`."""
    for name, size, start in _chunks(file, position, order):
        if not (name.isascii() and name.decode().isprintable()) or start + size > end:
            return False
        position = start + size + size % 2
    return position >= end
