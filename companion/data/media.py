"""From media files to arrays: decoded sound, video frames, log spectrograms."""

from collections.abc import Iterable
from pathlib import Path

import av
import librosa
import numpy as np
import soundfile
from PIL import Image

from companion.data import spectrum

FRONTENDS = ("librosa", "mmcosine", "olm_code")
# A rate outside these bounds in a WAV header is damage, not a recording.
RATES = (4_000, 384_000)
# Read by FFmpeg; everything else is libsndfile's.
CONTAINERS = (".mp4", ".m4a", ".mov", ".flv", ".mkv", ".webm", ".avi")
_LFS, POINTER = b"version https://git-lfs", "Git-LFS pointer"


class BadClip(Exception):  # noqa: N818 - the name says what it is, as StopIteration does
    """A clip that cannot be used; `reason` says why, in one line, naming the file."""

    def __init__(self, reason: str):
        """Keep `reason`."""
        super().__init__(reason)
        self.reason = reason


def _place(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"  # only the folder tells a clip's files apart


def problem(path: Path) -> str | None:
    """Return "missing", "empty", "Git-LFS pointer", or None for a file worth opening."""
    if not path.is_file():
        return "missing"
    with path.open("rb") as file:
        head = file.read(len(_LFS))
    if not head:
        return "empty"
    return POINTER if head == _LFS else None


def waveform(path: Path, sample_rate: int) -> np.ndarray:
    """Read the sound of a file as one channel at `sample_rate`.

    Args:
        path: WAV or another format of libsndfile, or a container of `CONTAINERS` such as MP4, of
            which the first sound track is read; any number of channels, 4 to 384 kHz.
        sample_rate: wanted samples per second; another rate is resampled (soxr, high quality).

    Returns:
        `(samples,)` float32, usually in [-1, 1], finite.

    Raises:
        BadClip: missing, empty, a Git-LFS pointer, not sound, a video without sound, truncated,
            without samples, at a senseless rate, or with samples that are not finite.
    """
    _refuse(path)
    if path.suffix.lower() in CONTAINERS:
        sound, rate = _track(path)
    else:
        _refuse_cut_riff(path)
        try:
            sound, rate = soundfile.read(path, dtype="float32", always_2d=True)
        except soundfile.LibsndfileError as error:
            raise BadClip(f"{_place(path)} cannot be read as sound: {error.error_string}") from None
    if not len(sound):
        raise BadClip(f"{_place(path)} has no samples")
    if not RATES[0] <= rate <= RATES[1]:
        raise BadClip(f"{_place(path)} claims {rate} samples per second")
    if not np.isfinite(sound).all():
        raise BadClip(f"{_place(path)} holds NaN or infinite samples")
    mono = sound.mean(1)
    if rate == sample_rate:
        return mono
    return librosa.resample(mono, orig_sr=rate, target_sr=sample_rate, res_type="soxr_hq")


def frames(path: Path, count: int, size: int) -> np.ndarray:
    """Decode `count` frames at evenly spaced places, always the same ones.

    The video is cut into `count` equal parts and the middle frame of each is taken, so one frame
    is the middle of the clip. Several frames of a video of at least `count` seconds are taken at
    one frame per second, as the paper does: each is the first of the second that holds the middle
    of its part; three of ten seconds are the first of seconds 1, 5 and 8.
    Sound in the file is ignored and need not be there.

    Args:
        path: FLV, MP4 or another container that FFmpeg reads.
        count: number of frames; a video with fewer repeats some.
        size: S; frames are resized to S x S without keeping the aspect, as the published codes do.

    Returns:
        `(count, S, S, 3)` uint8, RGB.

    Raises:
        BadClip: missing, empty, a Git-LFS pointer, not a video, without frames, or truncated.
    """
    _refuse(path)
    _refuse_cut_container(path)
    try:
        # A title that is not UTF-8 is no reason to lose a clip.
        with av.open(str(path), metadata_errors="replace") as container:
            if not container.streams.video:
                raise BadClip(f"{_place(path)} has no video stream")
            # Compressed packets are small: knowing their number spares decoding everything twice.
            packets = [p for p in container.demux(container.streams.video[0]) if p.size]
            _refuse_truncated(path, container, packets)
            wanted = _places(packets, count)
            decoded = _decode(container.streams.video[0], packets, set(wanted))
    except av.FFmpegError as error:
        raise BadClip(f"{_place(path)} cannot be decoded: {error.strerror}") from None
    if len(decoded) < len(set(wanted)):
        raise BadClip(f"{_place(path)} is damaged: frames are missing in its middle")
    # One thread, because starting others takes longer than converting a frame.
    images = {i: frame.to_image(threads=1) for i, frame in decoded}
    small = {i: im.resize((size, size), Image.Resampling.BILINEAR) for i, im in images.items()}
    return np.stack([np.asarray(small[i]) for i in wanted])


def spectrogram(sound: np.ndarray, frontend: str, sample_rate: int, seconds: float) -> np.ndarray:
    """Return the log spectrogram of exactly `seconds`.

    The sound is repeated until it is long enough, cut, and clipped to [-1, 1]. The front ends:
    "librosa" (default; Hann 512, hop 159, no padding, magnitude, standardised per clip),
    "mmcosine" (the same sizes through scipy: Tukey window, power density, standardised per clip),
    "olm_code" (the released code at 22,050 Hz: hop 353, centred, magnitude, not standardised).

    Args:
        sound: `(samples,)`, at `sample_rate`, at least one sample.
        frontend: one of `FRONTENDS`.
        sample_rate: samples per second; "olm_code" needs 22,050.
        seconds: length, so `seconds * sample_rate` samples are seen.

    Returns:
        `(257, F)` float32. With 16 kHz and hop 159, F is 299 for 3 s and 1004 for 10 s;
        with "olm_code" 188 for 3 s.

    Raises:
        ValueError: unknown front end, a rate that is not the front end's, too short a length.
        BadClip: no samples, or samples that are not finite.
    """
    if frontend not in FRONTENDS:
        raise ValueError(f"frontend {frontend!r} is not one of {', '.join(FRONTENDS)}")
    if frontend == "olm_code" and sample_rate != 22_050:
        raise ValueError(f"frontend olm_code needs sample_rate 22050, not {sample_rate}")
    samples = round(seconds * sample_rate)
    if samples < spectrum.WINDOW:
        raise ValueError(
            f"{seconds} s are {samples} samples, less than one window of {spectrum.WINDOW}"
        )
    if not sound.size:
        raise BadClip("no samples")
    if not np.isfinite(sound).all():
        raise BadClip("NaN or infinite samples")
    sound = np.clip(np.resize(sound, samples), -1, 1).astype(np.float32)
    log = spectrum.log(sound, frontend, sample_rate)
    if frontend == "olm_code":
        return log
    return ((log - log.mean()) / (log.std() + 1e-9)).astype(np.float32)


def _refuse(path: Path) -> None:
    fault = problem(path)
    if fault == "Git-LFS pointer":
        raise BadClip(f"{_place(path)} is a Git-LFS pointer, not the recording: run `git lfs pull`")
    if fault:
        raise BadClip(f"{_place(path)} is {fault}")


def _refuse_cut_riff(path: Path) -> None:
    """Refuse a WAV whose header promises more than is there; libsndfile reads on silently."""
    with path.open("rb") as file:
        head = file.read(8)
    promised, there = int.from_bytes(head[4:], "little"), path.stat().st_size
    # Programs that write to a pipe leave 0 or the largest number there.
    if head[:4] == b"RIFF" and there + 1 < promised + 8 and promised < 0xFFFF0000:
        raise BadClip(f"{_place(path)} is truncated: {promised + 8} bytes promised, {there} there")


def _refuse_cut_container(path: Path) -> None:
    """Refuse an FLV or MP4 that ends too early; FFmpeg drops the rest of it silently."""
    with path.open("rb") as file:
        head = file.read(8)
    if head[:3] == b"FLV":
        _refuse_cut_flv(path)
    elif head[4:] == b"ftyp":
        _refuse_cut_mp4(path)


def _refuse_cut_mp4(path: Path) -> None:
    """Refuse an MP4 that lacks its index or ends inside it or inside the media.

    It is a row of boxes: a 32-bit size, a type, and the body. Size 1 means that 64 bits with the
    size follow, 0 that the box goes on to the end of the file.
    """
    there, position, types = path.stat().st_size, 0, set()
    with path.open("rb") as file:
        while position + 8 <= there:
            file.seek(position)
            head = file.read(16)
            size, kind = int.from_bytes(head[:4]), head[4:8]
            size = int.from_bytes(head[8:]) if size == 1 else size or there - position
            # What follows the last box, or is damaged, is for FFmpeg to judge.
            if size < 8:
                break
            position += size
            if kind in (b"moov", b"mdat") and position > there:
                raise BadClip(f"{_place(path)} is truncated: {there} bytes, {position} promised")
            types.add(kind)
    if b"moov" not in types:
        raise BadClip(f"{_place(path)} is truncated: its index (moov) is missing, {there} bytes")


def _refuse_cut_flv(path: Path) -> None:
    """Refuse an FLV that ends inside a tag.

    Each tag is a type, a 24-bit size, 7 bytes, the body and 4 bytes that repeat its length.
    """
    content = path.read_bytes()
    position = int.from_bytes(content[5:9]) + 4
    while position < len(content) and content[position] in (8, 9, 18):
        position += 11 + int.from_bytes(content[position + 1 : position + 4]) + 4
    if position > len(content):
        raise BadClip(f"{_place(path)} is truncated: {len(content)} bytes, {position} promised")


def _refuse_truncated(path: Path, container, packets: list) -> None:
    if not packets:
        raise BadClip(f"{_place(path)} has no video frames")
    if any(packet.is_corrupt for packet in packets):
        raise BadClip(f"{_place(path)} is truncated")
    last = max((_seconds(p) for p in packets if p.pts is not None), default=0.0)
    promised = (container.duration or 0) / av.time_base
    # Headers of real releases are imprecise; half of the clip missing is beyond that.
    if last < promised / 2 and len(packets) > 1:
        raise BadClip(f"{_place(path)} is truncated: {promised:.1f} s promised, {last:.1f} s there")


def _seconds(packet) -> float:
    # The product of Python's fractions would be the same number, many times slower.
    return packet.pts * packet.time_base.numerator / packet.time_base.denominator


def _places(packets: list, count: int) -> list[int]:
    """Return which frames to keep, counted in the order in which they are shown."""
    middles = np.arange(count) + 0.5
    # An edit list marks frames that are decoded and never shown.
    shown = [p for p in packets if not p.is_discard] or packets
    if count > 1 and all(p.pts is not None for p in shown):
        times = np.sort([_seconds(p) for p in shown])
        times -= times[0]
        # Real clips are a frame longer or shorter than they should be.
        seconds = round(times[-1] * len(times) / max(1, len(times) - 1))
        if seconds >= count:
            wanted = (middles * seconds / count).astype(int)
            # Times are sums of rounded parts: a second may begin a hair late.
            positions = np.searchsorted(times, wanted - 1e-3)
            return np.minimum(positions, len(times) - 1).tolist()
    return (middles * len(shown) / count).astype(int).tolist()


def _track(path: Path) -> tuple[np.ndarray, int]:
    """Decode the first sound track of a container: `(samples, 1)` float32, and its rate."""
    _refuse_cut_container(path)
    try:
        with av.open(str(path), metadata_errors="replace") as container:
            if not container.streams.audio:
                raise BadClip(f"{_place(path)} is a video without audio")
            to_float = av.AudioResampler("fltp")
            rate, parts = 0, [np.zeros(0, np.float32)]
            for decoded in container.decode(container.streams.audio[0]):
                # Not the rate of the header, which is half the true one in HE-AAC.
                rate = rate or decoded.sample_rate
                if decoded.sample_rate != rate:
                    raise BadClip(f"{_place(path)} changes from {rate} to {decoded.sample_rate} Hz")
                for part in to_float.resample(decoded):
                    channels = part.to_ndarray()
                    parts.append(channels[0] if len(channels) == 1 else channels.mean(0))
    except (av.FFmpegError, ValueError) as error:
        # ValueError is a track of integers that changes its format.
        reason = getattr(error, "strerror", None) or error
        raise BadClip(f"{_place(path)} has sound that cannot be decoded: {reason}") from None
    return np.concatenate(parts)[:, None], rate


def _decode(stream, packets: Iterable, wanted: set[int]) -> list[tuple[int, av.VideoFrame]]:
    """Decode all `packets`, so that damage anywhere is seen; keep the wanted frames."""
    kept, position = [], 0
    for packet in [*packets, None]:
        for frame in stream.decode(packet):
            if position in wanted:
                kept.append((position, frame))
            position += 1
    return kept
