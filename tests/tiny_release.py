"""A CREMA-D of 72 small clips in the official layout, for the tests of the data rooms."""

from pathlib import Path

import av
import numpy as np
import soundfile

from companion.data.cremad import CLASSES
from companion.data.sections import Prepare

ACTORS = ("1001", "1002", "1003", "1004")
SENTENCES = {"IEO": "train", "DFA": "train", "TIE": "test"}
CONFIG = Prepare(dev_fraction=0.25, seconds=1.0, frame_size=16)
LFS_POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 12345\n"


def write_flv(path: Path, frames=8, size=(48, 32), sound=True) -> None:
    """Write Sorenson video (flv1) whose red channel counts the frames: 20, 40, 60, ..."""
    with av.open(str(path), "w", format="flv") as container:
        video = container.add_stream("flv1", rate=30)
        video.width, video.height = size
        video.pix_fmt, video.bit_rate = "yuv420p", 2_000_000
        audio = container.add_stream("mp3", rate=22050) if sound else None
        for i in range(frames):
            picture = np.full((size[1], size[0], 3), (20 + 20 * i, 80, 80), np.uint8)
            container.mux(video.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(video.encode())
        if audio:
            wave = np.sin(np.arange(22050 * frames // 30) / 9).astype(np.float32)[None] / 4
            for start in range(0, wave.shape[1], 1152):
                part = np.ascontiguousarray(wave[:, start : start + 1152])
                frame = av.AudioFrame.from_ndarray(part, format="fltp", layout="mono")
                frame.sample_rate, frame.pts = 22050, start
                container.mux(audio.encode(frame))
            container.mux(audio.encode())


def write_release(root: Path) -> Path:
    """Write lists, WAV and FLV; the pitch tells the class, everything else is the same."""
    (root / "AudioWAV").mkdir(parents=True)
    (root / "VideoFlash").mkdir()
    lists = {"train": [], "test": []}
    write_flv(root / "one.flv")
    video = (root / "one.flv").read_bytes()
    (root / "one.flv").unlink()
    for sentence, split in SENTENCES.items():
        for number, actor in enumerate(ACTORS):
            for label, emotion in enumerate(CLASSES):
                name = f"{actor}_{sentence}_{emotion}_XX"
                pitch = 150 * (1 + label) + 10 * number
                wave = np.sin(np.arange(9_000) * 2 * np.pi * pitch / 16_000) / 2
                soundfile.write(root / "AudioWAV" / f"{name}.wav", wave, 16_000)
                (root / "VideoFlash" / f"{name}.flv").write_bytes(video)
                lists[split].append(f"{name},{emotion}\r\n")
    for split, lines in lists.items():
        # As published: a byte-order mark and Windows line ends.
        (root / f"{split}.csv").write_text("".join(lines), "utf-8-sig", newline="")
    return root
