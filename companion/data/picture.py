"""Frames of a video: which ones, and how they lie."""

from pathlib import Path
from typing import Any

import av
import numpy as np
from PIL import Image

from companion.data.container import opened, seconds
from companion.data.files import BadClip, place

# Times are sums of rounded parts: a second, or the middle of a clip, may come a hair late.
HAIR = 2e-3


def read(path: Path, count: int) -> list[Image.Image]:
    """Decode `count` frames, upright and in RGB; see `media.frames` for which.

    Raises:
        BadClip: not a video, without a picture, truncated, or damaged.
    """
    with opened(path) as clip:
        if clip.video is None:
            cover = ", only a cover picture" if clip.cover else ""
            raise BadClip(f"{place(path)} has no video stream{cover}")
        packets = clip.packets[clip.video.index]
        if not packets:
            raise BadClip(f"{place(path)} has no video frames")
        # An edit list marks frames that are decoded and never shown.
        shown = [p for p in packets if not p.is_discard] or packets
        # Where times are missing or given twice, frames are told apart by their number.
        times = {p.pts for p in shown if p.pts is not None}
        timed = len(times) == len(shown)
        keys = sorted(times) if timed else list(range(len(shown)))
        wanted = _wanted(shown, keys, count, timed)
        kept, seen = _decode(clip.video, packets, set(wanted), timed)
        if not kept.keys() >= set(wanted):
            # Some packets show nothing: hidden ones of VP8, and those before the first key frame.
            if 2 * len(seen) < len(keys):
                raise BadClip(
                    f"{place(path)} is damaged: {len(seen)} of {len(keys)} frames are left"
                )
            wanted = _wanted(shown, seen, count, timed)
            clip.video.codec_context.flush_buffers()
            kept, _ = _decode(clip.video, packets, set(wanted), timed)
    if any(frame.is_corrupt for frame in kept.values()):
        raise BadClip(f"{place(path)} is damaged: a frame of it cannot be decoded as a whole")
    images = {key: _upright(frame) for key, frame in kept.items()}
    return [images[key] for key in wanted]


def _wanted(packets: list[av.Packet], keys: list[int], count: int, timed: bool) -> list[int]:
    """Return which of the frames `keys` to keep: by time, or by number where no times are known."""
    middles = np.arange(count) + 0.5
    if not timed:
        return [keys[i] for i in (middles * len(keys) / count).astype(int)]
    # The last frame is shown as long as it says, which FLV does not, or as long as the one before.
    told = next((p.duration or 0 for p in packets if p.pts == keys[-1]), 0)
    last = max(told, keys[-1] - keys[-2] if len(keys) > 1 else 0)
    length = seconds(keys[-1] - keys[0] + last, packets[0])
    times = np.array([seconds(key - keys[0], packets[0]) for key in keys])
    # Real clips are a frame longer or shorter than they should be.
    whole = int(length + 0.5)
    if 1 < count <= whole:
        begins = (middles * whole / count).astype(int)
        places = np.minimum(np.searchsorted(times, begins - HAIR), len(times) - 1)
    else:
        places = np.searchsorted(times, middles * length / count + HAIR, side="right") - 1
    return [keys[i] for i in places]


def _decode(
    stream: av.VideoStream, packets: list[av.Packet], wanted: set[int], timed: bool
) -> tuple[dict[int, av.VideoFrame], list[int]]:
    """Decode all `packets`, so that damage anywhere is seen.

    Returns:
        The wanted frames by their key, and the keys of all frames.
    """
    kept: dict[int, av.VideoFrame] = {}
    seen: list[int] = []
    for packet in [*packets, None]:
        for frame in stream.decode(packet):
            key = frame.pts if timed and frame.pts is not None else len(seen)
            seen.append(key)
            if key in wanted:
                kept[key] = frame
    return kept, sorted(seen)


def _upright(frame: av.VideoFrame) -> Image.Image:
    """Return a frame as the container says that it is shown: turned or mirrored.

    The display matrix maps a point of the picture to (a x + c y, b x + d y) on the screen.
    """
    # One thread, because starting others takes longer than converting a frame.
    image = frame.to_image(threads=1)
    matrix: Any = frame.side_data.get("DISPLAYMATRIX")
    if matrix is not None:
        a, b, _, c, d = np.frombuffer(bytes(matrix), "<i4")[:5].tolist()
        if abs(b) > abs(a):
            image = image.transpose(Image.Transpose.TRANSPOSE)
            a, d = c, b
        if a < 0:
            image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        if d < 0:
            image = image.transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    return image
