"""Small releases of Kinetics-Sounds and VGGSound in their layouts, for the tests of the loaders."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import soundfile

# Train ids hold start and end, test ids a number; one YouTube id begins with "-", one has "_".
KS = {
    "train": {"-aaaaaaaaa0": 3, "a_b-c_d-e_f": 3, "aaaaaaaaaa2": 11, "aaaaaaaaaa3": 11},
    "test": {"bbbbbbbbbb0": 11, "_bbbbbbbbb1": 3},
}
# Not in alphabetical order, as published.
STAT = '"heart sounds, heartbeat",756,people\nplaying piano,1050,music\ndog barking,767,animals\n'
VGGSOUND = [
    ("-aaaaaaaaa0", 30, '"heart sounds, heartbeat"', "train"),
    ("aaaaaaaaaa1", 0, "playing piano", "train"),
    ("aaaaaaaaaa2", 120, "dog barking", "train"),
    ("aaaaaaaaaa2", 130, "dog barking", "train"),
    ("a_b-c_d-e_f", 7, "playing piano", "train"),
    ("aaaaaaaaaa3", 8, '"heart sounds, heartbeat"', "train"),
    ("aaaaaaaaaa4", 30, "dog barking", "train"),
    ("aaaaaaaaaa5", 30, "playing piano", "train"),
    ("aaaaaaaaaa6", 30, '"heart sounds, heartbeat"', "train"),
    ("bbbbbbbbbb0", 30, "playing piano", "test"),
    ("bbbbbbbbbb1", 30, '"heart sounds, heartbeat"', "test"),
    ("bbbbbbbbbb2", 30, "dog barking", "test"),
]


def tone(seconds=10.0, rate=16_000, hertz=440.0) -> np.ndarray:
    """Return a sine of half the full scale, `(samples,)`."""
    return np.sin(np.arange(round(seconds * rate)) * 2 * np.pi * hertz / rate) / 2


def write_mp4(
    path: Path,
    times=None,
    sound: np.ndarray | None = None,
    rate=16_000,
    gop=50,
    picture=True,
    **options: str,
) -> None:
    """Write H.264 and AAC; frame i is grey of level 20 + 4 i.

    Args:
        path: the file to write.
        times: when each frame is shown, in seconds; ten seconds at 5 frames a second if not given.
        sound: `(channels, samples)` or `(samples,)`; None writes no sound track.
        rate: of the sound.
        gop: frames from one key frame to the next.
        picture: whether there is a video track.
        options: of the container, such as `movflags="faststart"`.
    """
    times = np.arange(50) / 5 if times is None else times
    with av.open(str(path), "w", format="mp4", options=options) as container:
        if picture:
            video = container.add_stream("libx264", rate=25, options={"preset": "fast", "crf": "9"})
            video.width, video.height, video.pix_fmt = 48, 32, "yuv420p"
            video.gop_size, video.codec_context.time_base = gop, Fraction(1, 100)
        if sound is not None:
            sound = np.atleast_2d(sound).astype(np.float32)
            layout = "stereo" if len(sound) == 2 else "mono"
            audio = container.add_stream("aac", rate=rate, layout=layout)
            audio.bit_rate = 128_000
        for i, time in enumerate(times if picture else ()):
            grey = np.full((32, 48, 3), 20 + 4 * i, np.uint8)
            frame = av.VideoFrame.from_ndarray(grey, format="rgb24")
            frame.pts, frame.time_base = round(100 * time), Fraction(1, 100)
            container.mux(video.encode(frame))
        if picture:
            container.mux(video.encode())
        if sound is not None:
            for start in range(0, sound.shape[1], 1024):
                part = np.ascontiguousarray(sound[:, start : start + 1024])
                frame = av.AudioFrame.from_ndarray(part, format="fltp", layout=layout)
                frame.sample_rate, frame.pts = rate, start
                container.mux(audio.encode(frame))
            container.mux(audio.encode())


def write_ks(root: Path) -> Path:
    """Write lists and clips of two of the 31 classes."""
    root.mkdir(parents=True)
    for part, videos in KS.items():
        names = [f"{v}_000058_000068" if part == "train" else f"{v}_58" for v in videos]
        lines = [f"{n},10,{k}\r\n" for n, k in zip(names, videos.values(), strict=True)]
        # As published: Windows line ends.
        (root / f"my_{part}.txt").write_text("".join(lines), newline="")
        for modality in ("video", "audio"):
            (root / "k31" / f"{modality}_{part}").mkdir(parents=True)
        for name in names:
            write_mp4(root / "k31" / f"video_{part}" / f"{name}.mp4")
            soundfile.write(root / "k31" / f"audio_{part}" / f"{name}.wav", tone(1), 16_000)
    return root


def write_vggsound(root: Path) -> Path:
    """Write lists and clips of three classes."""
    (root / "video").mkdir(parents=True)
    write_mp4(root / "one.mp4", sound=tone())
    content = (root / "one.mp4").read_bytes()
    (root / "one.mp4").unlink()
    rows = [(f"{youtube}_{start:06d}.mp4", *rest) for youtube, start, *rest in VGGSOUND]
    for name, *_ in rows:
        (root / "video" / name).write_bytes(content)
    lines = [f"{','.join(map(str, row))}\n" for row in VGGSOUND]
    (root / "vggsound.csv").write_text("".join(lines))
    # As published: no line end after the last line.
    (root / "stat.csv").write_text(STAT.rstrip())
    tested = [f"{name},{label}\n" for name, label, part in rows if part == "test"]
    (root / "test.csv").write_text("".join(tested))
    return root
