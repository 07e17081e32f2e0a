"""What recorders, converters and killed programs write, and what is read of it."""

import struct
from fractions import Fraction

import av
import numpy as np
import pytest
import soundfile

from companion.data.media import BadClip, waveform

RATE = 16_000


def tone(seconds=1.0, hertz=440.0):
    return (np.sin(np.arange(round(seconds * RATE)) * 2 * np.pi * hertz / RATE) / 2).astype("f")


def wav(path, sound=None, channels=1, **options):
    """Write a WAV and return its bytes."""
    sound = tone() if sound is None else sound
    options = {"subtype": "PCM_16", "format": "WAV"} | options
    soundfile.write(path, np.stack([sound] * channels, 1), RATE, **options)
    return bytearray(path.read_bytes())


def data_start(content):
    return content.index(b"data") + 8


def read(path, content):
    path.write_bytes(content)
    return waveform(path, RATE)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"subtype": "PCM_24"}, 1e-6),
        ({"subtype": "PCM_32"}, 1e-6),
        ({"subtype": "FLOAT"}, 1e-6),
        ({"subtype": "DOUBLE"}, 1e-6),
        # Of one byte, the only ones without a sign.
        ({"subtype": "PCM_U8"}, 1 / 128),
        ({"subtype": "ULAW"}, 1 / 50),
        ({"format": "WAVEX"}, 1e-4),
        ({"format": "WAVEX", "channels": 2}, 1e-4),
        ({"format": "RF64"}, 1e-4),
        ({"endian": "BIG"}, 1e-4),
        ({"format": "AIFF"}, 1e-4),
        ({"format": "FLAC"}, 1e-4),
        ({"channels": 6}, 1e-4),
    ],
)
def test_every_kind_of_wav_gives_the_same_sound(tmp_path, options, error):
    wav(tmp_path / "a.wav", **options)
    sound = waveform(tmp_path / "a.wav", RATE)
    assert sound.shape == (RATE,)
    np.testing.assert_allclose(sound, tone(), atol=error)


def lists(size):
    return b"LIST" + struct.pack("<I", size) + b"x" * size + b"\0" * (size % 2)


def test_chunks_of_any_length_before_and_after_the_samples_are_no_sound(tmp_path):
    content = wav(tmp_path / "a.wav")
    for size in (4, 5, 300):
        start = data_start(content) - 8
        longer = content[:start] + lists(size) + content[start:] + lists(size)
        longer[4:8] = struct.pack("<I", len(longer) - 8)
        np.testing.assert_allclose(read(tmp_path / "b.wav", longer), tone(), atol=1e-4)


def test_junk_after_the_samples_is_no_sound(tmp_path):
    content = wav(tmp_path / "a.wav")
    for junk in (b"\0", b"TAG" + b"\0" * 125, b"\xff" * 1_000):
        assert len(read(tmp_path / "b.wav", content + junk)) == RATE


@pytest.mark.parametrize("whole", [0, 36, 0xFFFFFFFF])
@pytest.mark.parametrize("size", [0, 0xFFFFFFFF, 0x7FFFF000, 0x80000000])
@pytest.mark.parametrize("options", [{}, {"format": "WAVEX"}, {"subtype": "FLOAT"}])
def test_a_recorder_that_wrote_no_length_is_read_to_the_end(tmp_path, options, size, whole):
    content = wav(tmp_path / "a.wav", **options)
    start = data_start(content)
    content[4:8] = struct.pack("<I", whole)
    content[start - 4 : start] = struct.pack("<I", size)
    np.testing.assert_allclose(read(tmp_path / "killed.wav", content), tone(), atol=1e-4)
    # Killed in the middle of a sample.
    assert len(read(tmp_path / "killed.wav", content[:-1])) == RATE - 1


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF])
def test_so_is_one_of_the_other_byte_order_and_one_of_64_bits(tmp_path, size):
    big = wav(tmp_path / "a.wav", endian="BIG")
    start = data_start(big)
    big[start - 4 : start] = struct.pack(">I", size)
    np.testing.assert_allclose(read(tmp_path / "b.wav", big), tone(), atol=1e-4)
    wide = wav(tmp_path / "a.wav", format="RF64")
    assert wide[:4] == b"RF64"
    place = wide.index(b"ds64") + 8
    wide[place : place + 16] = struct.pack("<2Q", size, size << 32 | size)
    np.testing.assert_allclose(read(tmp_path / "b.wav", wide), tone(), atol=1e-4)


def test_silence_is_sound_where_no_length_was_written(tmp_path):
    content = wav(tmp_path / "a.wav", np.zeros(RATE))
    content[40:44] = bytes(4)
    assert len(read(tmp_path / "b.wav", content)) == RATE


def test_a_recording_without_samples_is_empty_whatever_follows(tmp_path):
    content = wav(tmp_path / "a.wav", np.zeros(0))
    for tail in (b"", lists(4), lists(6) + lists(5)):
        with pytest.raises(BadClip, match="b.wav has no samples"):
            read(tmp_path / "b.wav", content + tail)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"endian": "BIG"},
        *({"format": name} for name in ("RF64", "AIFF", "AU", "W64", "FLAC")),
        {"format": "OGG", "subtype": "VORBIS"},
    ],
)
def test_half_a_file_is_never_a_whole_one(tmp_path, options, share):
    content = wav(tmp_path / "a.wav", **options)
    half = content[: int(share * len(content))]
    with pytest.raises(BadClip, match="cut.wav (is truncated|cannot be read)"):
        read(tmp_path / "cut.wav", half)
    if half[:4] == b"RIFF" and share > 0.1:
        # The outer length may be right, or absent: the one of the samples still says more.
        for whole in (len(half) - 8, 0, 0xFFFFFFFF):
            half[4:8] = struct.pack("<I", whole)
            with pytest.raises(BadClip, match="cut.wav is truncated: 32044 bytes promised"):
                read(tmp_path / "cut.wav", half)


def test_flac_from_a_pipe_is_not_called_empty(tmp_path):
    content = wav(tmp_path / "a.flac", format="FLAC")
    # The last 36 bits before the checksum are the number of samples.
    content[21] &= 0xF0
    content[22:26] = bytes(4)
    with pytest.raises(BadClip, match="b.flac does not tell its length: convert it to WAV"):
        read(tmp_path / "b.flac", content)


def test_a_header_that_tells_of_less_than_half_of_the_sound_is_not_believed(tmp_path):
    content = wav(tmp_path / "a.wav")
    content[40:44] = struct.pack("<I", 4_096)
    with pytest.raises(BadClip, match="b.wav is damaged: .* 4096 bytes of sound, and 32000"):
        read(tmp_path / "b.wav", content)


def test_content_tells_the_format_and_not_the_name(tmp_path):
    content = wav(tmp_path / "a.wav")
    for name in ("a.mp4", "A.WAV", "a"):
        assert len(read(tmp_path / name, content)) == RATE
    track(tmp_path / "b.mp4", [(0, tone())])
    for name in ("b.wav", "B.MP4"):
        assert len(read(tmp_path / name, (tmp_path / "b.mp4").read_bytes())) >= RATE


def encoded(stream, start, sound):
    """Yield the packets of sound that is heard from `start` seconds on."""
    for i in range(0, len(sound), 1_024):
        part = np.ascontiguousarray(sound[None, i : i + 1_024])
        frame = av.AudioFrame.from_ndarray(part, format="fltp", layout="mono")
        frame.sample_rate, frame.pts = RATE, round(start * RATE) + i
        frame.time_base = Fraction(1, RATE)
        yield from stream.encode(frame)


def track(path, parts, picture=None, codec="aac", streams=1, dispositions=()):
    """Write sounds of `parts`, (start in seconds, samples), and a picture from `picture` on."""
    with av.open(str(path), "w") as container:
        audio = [container.add_stream(codec, rate=RATE, layout="mono") for _ in range(streams)]
        for stream, disposition in zip(audio, dispositions, strict=False):
            stream.disposition = disposition
        packets = []
        if picture is not None:
            video = container.add_stream("libx264", rate=5)
            video.width, video.height, video.pix_fmt = 32, 32, "yuv420p"
            for i in range(10):
                frame = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8))
                frame.pts, frame.time_base = round(5 * picture) + i, Fraction(1, 5)
                packets += video.encode(frame)
            packets += video.encode()
        for number, stream in enumerate(audio):
            for start, sound in parts if streams == 1 else [parts[number]]:
                packets += encoded(stream, start, sound)
            packets += stream.encode()
        for packet in sorted(packets, key=lambda p: p.dts * p.time_base):
            container.mux(packet)


def loud(sound):
    """Return the tenths of a second that are not silent, as pairs of first and last."""
    tenths = sound[: len(sound) // 1_600 * 1_600].reshape(-1, 1_600)
    at = np.flatnonzero(np.abs(tenths).max(1) > 0.1)
    return [(part[0], part[-1]) for part in np.split(at, np.flatnonzero(np.diff(at) > 1) + 1)]


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_sound_that_starts_after_the_picture_is_preceded_by_silence(tmp_path, name):
    track(tmp_path / name, [(1.0, tone())], picture=0.0)
    ((first, last),) = loud(waveform(tmp_path / name, RATE))
    assert (first, last) in [(10, 19), (10, 20), (9, 19), (9, 20)]


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_sound_that_starts_before_the_picture_is_whole(tmp_path, name):
    track(tmp_path / name, [(0.0, tone())], picture=0.5)
    ((first, last),) = loud(waveform(tmp_path / name, RATE))
    assert first == 0 and last in (9, 10)


def test_a_clip_that_starts_late_as_a_whole_has_no_silence(tmp_path):
    track(tmp_path / "a.mkv", [(7.0, tone())], picture=7.0)
    assert loud(waveform(tmp_path / "a.mkv", RATE))[0][0] == 0


def test_a_pause_in_a_track_is_silence(tmp_path):
    track(tmp_path / "a.mkv", [(0.0, tone(0.512)), (1.5, tone(0.512))], codec="pcm_f32le")
    sound = waveform(tmp_path / "a.mkv", RATE)
    assert loud(sound) == [(0, 5), (15, 19)]
    assert len(sound) == round(2.012 * RATE)


def test_of_several_tracks_the_default_one_is_heard(tmp_path):
    default, none = av.stream.Disposition.default, av.stream.Disposition(0)
    aside = av.stream.Disposition.comment
    parts = [(0.0, tone(hertz=200)), (0.0, tone(0.5, hertz=1_000)), (0.0, tone(hertz=3_000))]
    for dispositions, expected in [
        ((none, default, none), 1_000),
        ((default, none, none), 200),
        ((none, none, default), 3_000),
        ((aside, default, none), 1_000),
        ((aside | default, none, none), 1_000),
        ((default, default, none), 200),
    ]:
        track(tmp_path / "a.mkv", parts, streams=3, dispositions=dispositions)
        sound = waveform(tmp_path / "a.mkv", RATE)[1_000:7_000]
        assert abs(np.abs(np.fft.rfft(sound)).argmax() * RATE / 6_000 - expected) < 10
    track(tmp_path / "b.mkv", parts[:1], dispositions=(aside,))
    assert len(waveform(tmp_path / "b.mkv", RATE)) >= RATE


@pytest.mark.parametrize("share", [0.3, 0.5, 0.9])
def test_half_a_matroska_is_never_a_whole_one(tmp_path, share):
    track(tmp_path / "a.mkv", [(0.0, tone(3.0))], picture=0.0)
    content = (tmp_path / "a.mkv").read_bytes()
    with pytest.raises(BadClip, match="cut.mkv is truncated: .* bytes promised"):
        read(tmp_path / "cut.mkv", content[: int(share * len(content))])
