"""WAV, FLV and MP4 files, the same bytes each time on one machine."""

import io
from collections.abc import Iterable
from itertools import chain
from pathlib import Path

import av
import numpy as np
import soundfile
from av.codec.context import Flags
from PIL import Image

from companion.data.container import seconds

# MP3 in FLV knows 11,025, 22,050 and 44,100 Hz only.
FLV_RATE = 22_050
# LAME would take longer than drawing all the pictures.
FAST = {"compression_level": "9"}
# Grain would take most of the bits: they are limited to 30 kbit/s over any second and a half.
H264 = {"preset": "ultrafast", "crf": "28", "maxrate": "30k", "bufsize": "45k", "threads": "1"}
# The thorough coder takes three times as long, for sound that is noisy on purpose.
AAC = {"aac_coder": "fast"}


def write_wav(path: Path, sound: np.ndarray, rate: int) -> None:
    """Write `(samples,)` in [-1, 1] as 16-bit WAV, one channel."""
    content = io.BytesIO()
    soundfile.write(content, sound, rate, subtype="PCM_16", format="WAV")
    # Not by libsndfile, which says "System error" of a full disk.
    path.write_bytes(content.getvalue())


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
        packets += audio.encode(_frame(sound, rate))
        packets += audio.encode()
        # Sound and picture side by side, as a player that streams needs them.
        for packet in sorted(packets, key=_time):
            container.mux(packet)


def write_mp4(
    path: Path, pictures: Iterable[Image.Image], fps: int, sound: np.ndarray, rate: int
) -> None:
    """Write H.264 video and AAC sound into an MP4 file.

    Args:
        path: the file to write.
        pictures: RGB, all of one even size, at least one.
        fps: pictures per second.
        sound: `(samples,)` in [-1, 1].
        rate: of `sound`, samples per second; one that AAC knows, such as 16,000.
    """
    pictures = iter(pictures)
    first = next(pictures)
    with av.open(str(path), "w", format="mp4", options={"fflags": "+bitexact"}) as container:
        video = container.add_stream("libx264", rate=fps, options=H264)
        video.width, video.height = first.size
        video.pix_fmt, video.gop_size = "yuv420p", 10 * fps
        audio = container.add_stream("aac", rate=rate, layout="mono", options=AAC)
        audio.bit_rate = 24_000
        for stream in (video, audio):
            stream.codec_context.flags |= Flags.bitexact
            stream.codec_context.thread_count = 1
        packets = []
        for picture in chain([first], pictures):
            packets += video.encode(av.VideoFrame.from_image(picture))
        packets += video.encode()
        packets += audio.encode(_frame(sound, rate))
        packets += audio.encode()
        for packet in sorted(packets, key=_time):
            container.mux(packet)


def _time(packet: av.Packet) -> float:
    assert packet.dts is not None  # a coder writes it on every packet
    return seconds(packet.dts, packet)


def _frame(sound: np.ndarray, rate: int) -> av.AudioFrame:
    # All of the sound: PyAV cuts it into the codec's frames quicker than Python does.
    part = np.ascontiguousarray(sound[None], dtype=np.float32)
    frame = av.AudioFrame.from_ndarray(part, format="fltp", layout="mono")
    frame.sample_rate, frame.pts = rate, 0
    return frame
