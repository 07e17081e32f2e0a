import av
import librosa
import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_events import write_mp4
from tiny_release import LFS_POINTER, write_flv

from companion.data import spectrum
from companion.data.media import BadClip, frames, problem, spectrogram, waveform


@pytest.fixture(scope="module")
def flv(tmp_path_factory):
    path = tmp_path_factory.mktemp("media") / "clip.flv"
    write_flv(path)
    return path


def tone(samples, hertz=440.0, rate=16_000):
    return (np.sin(np.arange(samples) * 2 * np.pi * hertz / rate) / 2).astype(np.float32)


@pytest.mark.parametrize("frontend", ["librosa", "mmcosine"])
@pytest.mark.parametrize(("seconds", "width"), [(3, 299), (10, 1004)])
def test_t_stft_at_16_khz(frontend, seconds, width):
    assert spectrogram(tone(16_000 * seconds), frontend, 16_000, seconds).shape == (257, width)


def test_t_stft_of_the_released_code():
    assert spectrogram(tone(66_150), "olm_code", 22_050, 3).shape == (257, 188)


def test_t_stft_tiles_one_second_to_three():
    once = tone(16_000)
    tiled = spectrogram(np.tile(once, 3), "librosa", 16_000, 3)
    np.testing.assert_array_equal(spectrogram(once, "librosa", 16_000, 3), tiled)
    assert tiled.shape == (257, 299)


def test_what_comes_after_the_end_is_not_seen():
    long = np.concatenate([tone(48_000), tone(16_000, hertz=3000)])
    expected = spectrogram(tone(48_000), "librosa", 16_000, 3)
    np.testing.assert_array_equal(spectrogram(long, "librosa", 16_000, 3), expected)


@pytest.mark.parametrize("frontend", ["librosa", "mmcosine"])
def test_a_clip_is_standardised_and_loudness_hardly_matters(frontend):
    noise = np.random.default_rng(0).normal(size=48_000).astype(np.float32) / 10
    image = spectrogram(noise, frontend, 16_000, 3)
    assert abs(image.mean()) < 1e-4
    assert abs(image.std() - 1) < 1e-4
    if frontend == "librosa":
        np.testing.assert_allclose(spectrogram(noise / 2, frontend, 16_000, 3), image, atol=2e-3)


def test_a_tone_is_loudest_in_its_bin():
    # 1,000 Hz is bin 1000 * 512 / 16000 = 32.
    image = spectrogram(tone(48_000, hertz=1000), "librosa", 16_000, 3)
    assert (image.argmax(0) == 32).all()


def test_samples_beyond_one_are_clipped():
    loud = 8 * tone(48_000)
    expected = spectrogram(np.clip(loud, -1, 1), "mmcosine", 16_000, 3)
    np.testing.assert_array_equal(spectrogram(loud, "mmcosine", 16_000, 3), expected)


def test_silence_is_finite():
    for frontend, rate in [("librosa", 16_000), ("mmcosine", 16_000), ("olm_code", 22_050)]:
        assert np.isfinite(spectrogram(np.zeros(100, np.float32), frontend, rate, 1)).all()


@given(samples=st.integers(1, 60_000), scale=st.floats(1e-6, 1e6))
@settings(max_examples=15, deadline=None)
def test_any_finite_sound_gives_a_finite_image_of_the_same_size(samples, scale):
    noise = np.random.default_rng(samples).normal(size=samples) * scale
    image = spectrogram(noise.astype(np.float32), "librosa", 16_000, 1)
    assert image.shape == (257, 98)
    assert np.isfinite(image.astype(np.float16)).all()


def test_a_spectrogram_that_cannot_be_is_refused():
    with pytest.raises(ValueError, match="'kaldi' is not one of librosa, mmcosine, olm_code"):
        spectrogram(tone(100), "kaldi", 16_000, 3)
    with pytest.raises(ValueError, match="needs sample_rate 22050, not 16000"):
        spectrogram(tone(100), "olm_code", 16_000, 3)
    with pytest.raises(ValueError, match="less than one window"):
        spectrogram(tone(100), "librosa", 16_000, 0.01)
    with pytest.raises(BadClip, match="NaN"):
        spectrogram(np.array([0.0, np.nan]), "librosa", 16_000, 3)
    with pytest.raises(BadClip, match="no samples"):
        spectrogram(np.zeros(0), "librosa", 16_000, 3)


@pytest.mark.parametrize("rate", [8_000, 22_050, 44_100, 48_000])
def test_a_wav_of_another_rate_is_resampled(tmp_path, rate):
    soundfile.write(tmp_path / "a.wav", tone(rate, rate=rate), rate)
    sound = waveform(tmp_path / "a.wav", 16_000)
    assert abs(len(sound) - 16_000) <= 1
    middle = slice(2_000, 14_000)
    np.testing.assert_allclose(sound[middle], tone(16_000)[middle], atol=2e-3)


def test_channels_are_averaged(tmp_path):
    left, right = tone(1_000), tone(1_000, hertz=200)
    soundfile.write(tmp_path / "a.wav", np.stack([left, right], 1), 16_000, subtype="FLOAT")
    np.testing.assert_allclose(waveform(tmp_path / "a.wav", 16_000), (left + right) / 2, atol=1e-6)


def bad_wavs(folder):
    """Write every kind of bad WAV; yield its path and what the error says."""
    whole = folder / "whole.wav"
    soundfile.write(whole, tone(8_000), 16_000)
    content = whole.read_bytes()
    senseless = bytearray(content)
    senseless[24:28] = (3).to_bytes(4, "little")
    nan, infinite = tone(100), tone(100)
    nan[50], infinite[50] = np.nan, np.inf
    files = {
        "empty": (b"", "empty.wav is empty"),
        "pointer": (LFS_POINTER, "Git-LFS pointer.*git lfs pull"),
        "garbage": (b"garbage" * 100, "cannot be read as sound"),
        "cut": (content[:5_000], "truncated: 16044 bytes promised, 5000 there"),
        "rate": (bytes(senseless), "claims 3 samples per second"),
    }
    for name, (written, message) in files.items():
        (folder / f"{name}.wav").write_bytes(written)
        yield folder / f"{name}.wav", message
    for name, sound, message in [
        ("short", tone(0), "no samples"),
        ("nan", nan, "NaN or infinite"),
        ("infinite", infinite, "NaN or infinite"),
    ]:
        soundfile.write(folder / f"{name}.wav", sound, 16_000, subtype="FLOAT")
        yield folder / f"{name}.wav", message
    yield folder / "absent.wav", "absent.wav is missing"


def test_every_bad_wav_says_what_is_wrong(tmp_path):
    for path, message in bad_wavs(tmp_path):
        with pytest.raises(BadClip, match=message):
            waveform(path, 16_000)


def test_frames_are_evenly_spaced_and_one_frame_is_the_middle(flv):
    # Frame i of 8 has red 20 + 20 i, up to the loss of the codec: middles of 1, 2 and 4 parts.
    for count, places in [(1, [4]), (2, [2, 6]), (4, [1, 3, 5, 7])]:
        red = frames(flv, count, 16)[..., 0].mean((1, 2))
        np.testing.assert_allclose(red, [20 + 20 * place for place in places], atol=6)


def test_more_frames_than_there_are_repeats_some(flv):
    assert frames(flv, 20, 8).shape == (20, 8, 8, 3)


def test_frames_are_square_and_the_same_every_time(flv):
    first = frames(flv, 3, 24)
    assert first.shape == (3, 24, 24, 3)
    assert first.dtype == np.uint8
    np.testing.assert_array_equal(frames(flv, 3, 24), first)


def test_video_without_audio_is_as_good(tmp_path, flv):
    write_flv(tmp_path / "mute.flv", sound=False)
    np.testing.assert_array_equal(frames(tmp_path / "mute.flv", 1, 16), frames(flv, 1, 16))


def test_every_bad_video_says_what_is_wrong(tmp_path, flv):
    content = flv.read_bytes()
    with av.open(str(tmp_path / "sound.flv"), "w", format="flv") as container:
        stream = container.add_stream("mp3", rate=22050)
        frame = av.AudioFrame.from_ndarray(
            np.zeros((1, 1152), np.float32), format="fltp", layout="mono"
        )
        frame.sample_rate = 22050
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    cases = {
        "absent.flv": (None, "absent.flv is missing"),
        "empty.flv": (b"", "is empty"),
        "pointer.flv": (LFS_POINTER, "Git-LFS pointer"),
        "garbage.flv": (b"garbage" * 100, "cannot be decoded"),
        "head.flv": (content[:13], "cannot be decoded|no video"),
        "sound.flv": ((tmp_path / "sound.flv").read_bytes(), "no video stream"),
    }
    for name, (written, message) in cases.items():
        if written is not None:
            (tmp_path / name).write_bytes(written)
        with pytest.raises(BadClip, match=message):
            frames(tmp_path / name, 1, 16)


@given(share=st.floats(0.001, 0.999))
@settings(max_examples=40, deadline=None)
def test_a_cut_flv_is_refused_wherever_it_is_cut(flv, share):
    content = flv.read_bytes()
    path = flv.with_name("cut.flv")
    path.write_bytes(content[: int(share * len(content))])
    try:
        frames(path, 1, 16)
    except BadClip:
        return
    # Between two tags nothing shows a cut, but then more than half of the clip is there.
    assert share > 0.4


@given(place=st.floats(0, 1), junk=st.binary(min_size=1, max_size=200))
@settings(max_examples=40, deadline=None)
def test_damage_gives_a_frame_or_a_bad_clip_and_nothing_else(flv, place, junk):
    content = bytearray(flv.read_bytes())
    start = int(place * (len(content) - len(junk)))
    content[start : start + len(junk)] = junk
    path = flv.with_name("damaged.flv")
    path.write_bytes(content)
    try:
        assert frames(path, 1, 16).shape == (1, 16, 16, 3)
    except BadClip as error:
        assert "damaged.flv" in error.reason


def test_problem_names_what_opening_would_find(tmp_path, flv):
    (tmp_path / "pointer").write_bytes(LFS_POINTER)
    (tmp_path / "empty").touch()
    found = [problem(tmp_path / name) for name in ("pointer", "empty", "absent")]
    assert found == ["Git-LFS pointer", "empty", "missing"]
    assert problem(flv) is None


@pytest.fixture(scope="module")
def mp4(tmp_path_factory):
    path = tmp_path_factory.mktemp("media") / "clip.mp4"
    write_mp4(path, sound=tone(160_000))
    return path


def shown(path, count):
    """Return which of the frames of `write_mp4` were taken."""
    levels = frames(path, count, 16).mean((1, 2, 3))
    places = (levels - 20) / 4
    assert abs(places - places.round()).max() < 0.4
    return places.round().astype(int).tolist()


@pytest.mark.parametrize("rate", [16_000, 22_050])
def test_the_sound_of_an_mp4_is_resampled_to_one_channel(tmp_path, rate):
    left, right = tone(2 * rate, rate=rate), tone(2 * rate, hertz=200, rate=rate)
    write_mp4(tmp_path / "a.mp4", sound=np.stack([left, right]), rate=rate)
    sound = waveform(tmp_path / "a.mp4", 16_000)
    assert sound.dtype == np.float32
    # AAC fills its last frame of 1,024 samples.
    assert 0 <= len(sound) - 32_000 < 1_024
    middle = slice(4_000, 28_000)
    expected = (tone(32_000) + tone(32_000, hertz=200)) / 2
    # In place to the sample: the encoder's delay is cut off.
    assert abs(sound[middle] - expected[middle]).max() < 0.02


def test_an_mp4_without_a_picture_has_sound_and_one_without_sound_has_frames(tmp_path, mp4):
    write_mp4(tmp_path / "sound.mp4", sound=tone(16_000), picture=False)
    assert len(waveform(tmp_path / "sound.mp4", 16_000)) >= 16_000
    with pytest.raises(BadClip, match="sound.mp4 has no video stream"):
        frames(tmp_path / "sound.mp4", 3, 16)
    write_mp4(tmp_path / "mute.mp4")
    np.testing.assert_array_equal(frames(tmp_path / "mute.mp4", 3, 16), frames(mp4, 3, 16))
    with pytest.raises(BadClip, match="mute.mp4 is a video without audio"):
        waveform(tmp_path / "mute.mp4", 16_000)


def test_a_track_that_changes_its_rate_is_refused(tmp_path):
    parts = []
    for rate in (16_000, 48_000):
        path = tmp_path / f"{rate}.aac"
        with av.open(str(path), "w", format="adts") as container:
            stream = container.add_stream("aac", rate=rate, layout="mono")
            for start in range(0, 20 * 1_024, 1_024):
                frame = av.AudioFrame.from_ndarray(tone(1_024)[None], format="fltp", layout="mono")
                frame.sample_rate, frame.pts = rate, start
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
        parts.append(path.read_bytes())
    (tmp_path / "a.mp4").write_bytes(b"".join(parts))
    with pytest.raises(BadClip, match="a.mp4 changes from 16000 to 48000 Hz"):
        waveform(tmp_path / "a.mp4", 16_000)


def test_the_sound_of_an_flv_is_read_too(flv):
    assert abs(len(waveform(flv, 22_050)) - 22_050 * 8 / 30) < 2 * 1_152


@pytest.mark.parametrize("read", [lambda p: frames(p, 3, 16), lambda p: waveform(p, 16_000)])
@pytest.mark.parametrize("options", [{}, {"movflags": "faststart"}])
def test_a_cut_mp4_is_refused_wherever_it_is_cut(tmp_path, options, read):
    write_mp4(tmp_path / "whole.mp4", sound=tone(32_000), **options)
    content = (tmp_path / "whole.mp4").read_bytes()
    for share in (0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99, 0.9999):
        (tmp_path / "cut.mp4").write_bytes(content[: int(share * len(content))])
        with pytest.raises(
            BadClip, match=r"cut.mp4 is truncated: (its index \(moov\)|\d+ bytes promised)"
        ):
            read(tmp_path / "cut.mp4")


def test_junk_after_an_mp4_does_no_harm(tmp_path, mp4):
    for junk in (b"\0" * 100, b"\0\0\0\x09junk" * 9, b"j"):
        (tmp_path / "a.mp4").write_bytes(mp4.read_bytes() + junk)
        np.testing.assert_array_equal(frames(tmp_path / "a.mp4", 3, 16), frames(mp4, 3, 16))


@pytest.mark.parametrize("read", [lambda p: frames(p, 3, 16), lambda p: waveform(p, 16_000)])
def test_every_bad_mp4_says_what_is_wrong(tmp_path, read):
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "pointer.mp4").write_bytes(LFS_POINTER)
    (tmp_path / "garbage.mp4").write_bytes(b"garbage" * 100)
    with av.open(str(tmp_path / "nothing.mp4"), "w", format="mp4") as container:
        container.add_stream("libx264", rate=25).pix_fmt = "yuv420p"
        container.start_encoding()
    for name, message in [
        ("absent", "absent.mp4 is missing"),
        ("empty", "empty.mp4 is empty"),
        ("pointer", "Git-LFS pointer"),
        ("garbage", "garbage.mp4 (has sound that )?cannot be decoded"),
        ("nothing", "nothing.mp4 (has no video stream|is a video without audio)"),
    ]:
        with pytest.raises(BadClip, match=message):
            read(tmp_path / f"{name}.mp4")


@given(place=st.floats(0, 1), junk=st.binary(min_size=1, max_size=200))
@settings(max_examples=25, deadline=None)
def test_damage_of_an_mp4_gives_a_clip_or_a_bad_clip_and_nothing_else(mp4, place, junk):
    content = bytearray(mp4.read_bytes())
    start = int(place * (len(content) - len(junk)))
    content[start : start + len(junk)] = junk
    path = mp4.with_name("damaged.mp4")
    path.write_bytes(content)
    for read in (lambda: frames(path, 3, 16), lambda: waveform(path, 16_000)):
        try:
            assert read().size
        except BadClip as error:
            assert "damaged.mp4" in error.reason


def test_frames_of_ten_seconds_are_the_first_of_their_seconds(mp4):
    # At 5 frames a second, second 5 begins with frame 25.
    assert shown(mp4, 3) == [5, 25, 40]
    assert shown(mp4, 10) == list(range(0, 50, 5))
    assert shown(mp4, 1) == [25]


@pytest.mark.parametrize("gop", [1, 7, 250])
def test_frames_do_not_depend_on_where_key_frames_are(tmp_path, gop):
    write_mp4(tmp_path / "a.mp4", gop=gop)
    assert shown(tmp_path / "a.mp4", 3) == [5, 25, 40]


@pytest.mark.parametrize("length", [48, 49, 51, 52])
def test_a_clip_a_little_off_ten_seconds_is_one_of_ten_seconds(tmp_path, length):
    write_mp4(tmp_path / "a.mp4", times=np.arange(length) / 5)
    assert shown(tmp_path / "a.mp4", 3) == [5, 25, 40]


def test_frames_are_chosen_by_time_and_not_by_number(tmp_path):
    slow, fast = np.arange(5.0), 5 + np.arange(50) / 10
    write_mp4(tmp_path / "a.mp4", times=np.concatenate([slow, fast]))
    assert shown(tmp_path / "a.mp4", 3) == [1, 5, 35]
    write_mp4(tmp_path / "still.mp4", times=[0.0, 3.0])
    assert shown(tmp_path / "still.mp4", 3) == [1, 1, 1]


def test_of_less_seconds_than_frames_the_middles_of_equal_parts_are_taken(tmp_path):
    write_mp4(tmp_path / "a.mp4", times=np.arange(10) / 5)
    assert shown(tmp_path / "a.mp4", 3) == [1, 5, 8]
    write_mp4(tmp_path / "b.mp4", times=np.arange(2) / 5)
    assert shown(tmp_path / "b.mp4", 3) == [0, 1, 1]
    write_mp4(tmp_path / "c.mp4", times=[0.0])
    assert shown(tmp_path / "c.mp4", 3) == [0, 0, 0]


@pytest.mark.parametrize(("window", "hop", "centred"), [(512, 159, False), (512, 353, True)])
def test_the_transform_is_librosas(window, hop, centred):
    sound = np.random.default_rng(0).normal(0, 0.1, 16_000).astype(np.float32)
    expected = librosa.stft(sound, n_fft=window, hop_length=hop, center=centred)
    found = spectrum.stft(sound, window, hop, centred)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert found.dtype == expected.dtype
