"""WAV and FLV files, the same bytes each time on one machine."""

from collections.abc import Iterable
from pathlib import Path

import av
import numpy as np
import soundfile
from av.codec.context import Flags
from PIL import Image
from scipy.signal import resample_poly

# MP3 in FLV knows 11,025, 22,050 and 44,100 Hz only.
FLV_RATE, MP3_FRAME = 22_050, 1152
# LAME would take longer than drawing all the pictures.
FAST = {"compression_level": "9"}


def write_wav(path: Path, sound: np.ndarray, rate: int) -> None:
    """Write `(samples,)` in [-1, 1] as 16-bit WAV, one channel."""
    soundfile.write(path, sound, rate, subtype="PCM_16", format="WAV")


def write_flv(
    path: Path, pictures: Iterable[Image.Image], fps: int, sound: np.ndarray, rate: int
) -> None:
    """Write Sorenson video (flv1) and MP3 sound into a Flash video.

    Args:
        path: the file to write.
        pictures: RGB, all of one even size, at least one.
        fps: pictures per second.
        sound: `(samples,)` in [-1, 1].
        rate: of `sound`, samples per second.
    """
    pictures = iter(pictures)
    first = next(pictures)
    with av.open(str(path), "w", format="flv", options={"fflags": "+bitexact"}) as container:
        video = container.add_stream("flv1", rate=fps, options={"qmin": "3", "qmax": "9"})
        video.width, video.height = first.size
        video.pix_fmt, video.bit_rate, video.gop_size = "yuv420p", 240_000, 5 * fps
        audio = container.add_stream("mp3", rate=FLV_RATE, layout="mono", options=FAST)
        audio.bit_rate = 32_000
        for stream in (video, audio):
            stream.codec_context.flags |= Flags.bitexact
            stream.codec_context.thread_count = 1
        packets = []
        for picture in [first, *pictures]:
            packets += video.encode(av.VideoFrame.from_image(picture))
        packets += video.encode()
        for frame in _mp3_frames(resample_poly(sound, FLV_RATE // 50, rate // 50)):
            packets += audio.encode(frame)
        packets += audio.encode()
        # Sound and picture side by side, as a player that streams needs them.
        for packet in sorted(packets, key=lambda p: p.dts * p.time_base):
            container.mux(packet)


def _mp3_frames(sound: np.ndarray) -> Iterable[av.AudioFrame]:
    for start in range(0, len(sound), MP3_FRAME):
        part = np.ascontiguousarray(sound[None, start : start + MP3_FRAME], dtype=np.float32)
        frame = av.AudioFrame.from_ndarray(part, format="fltp", layout="mono")
        frame.sample_rate, frame.pts = FLV_RATE, start
        yield frame
