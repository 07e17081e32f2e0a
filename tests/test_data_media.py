import av
import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_release import LFS_POINTER, write_flv

from olmlib.data.media import BadClip, frames, problem, spectrogram, waveform


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
