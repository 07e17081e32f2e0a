"""The MER2023 miniature: its plan, its files in the official layout, its frozen extractors."""

from collections import Counter
from pathlib import Path

import librosa
import numpy as np
import pandas as pd
import pytest

from companion import params
from companion.data import mer2023 as loader
from companion.data import restricted
from companion.miniature import extractors, folder, hog, mer2023
from companion.miniature.sounds import voices

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "data"
if not (SOURCE / "mer2023" / "cues.csv").is_file():
    pytest.skip("data/mer2023 is not there: dvc pull data.dvc", allow_module_level=True)


@pytest.fixture(scope="module")
def sources():
    return voices.Sources(SOURCE / "mer2023")


@pytest.fixture(scope="module")
def clips(sources):
    return mer2023.clips(sources, 640, seed=0)


def test_the_plan_has_the_stated_numbers(clips):
    assert Counter(clip.split for clip in clips) == {"train": 384, "test1": 256}
    emotions = Counter(clip.emotion for clip in clips)
    assert emotions == dict(zip(mer2023.EMOTIONS, (140, 120, 120, 100, 100, 60), strict=True))
    tested = Counter(clip.emotion for clip in clips if clip.split == "test1")
    assert all(tested[emotion] == 0.4 * count for emotion, count in emotions.items())


def test_valence_is_in_quarters_and_follows_the_emotion(clips):
    values = pd.Series([clip.valence for clip in clips])
    assert (values * 4 == (values * 4).round()).all() and values.between(-5, 5).all()
    means = values.groupby([clip.emotion for clip in clips]).mean()
    for emotion, centre in mer2023.VALENCE.items():
        assert abs(means[emotion] - centre) < 0.3


def test_words_tell_the_emotion_in_about_three_of_ten_clips(clips, sources):
    texts = pd.read_csv(sources.folder / "sentences.csv")
    everyday = set(texts.loc[texts["sentence"].str.match(r"e\d"), "text"])
    telling = np.mean([clip.sentence not in everyday for clip in clips])
    assert 0.22 < telling < 0.38
    # What is said in a telling clip belongs to its emotion alone.
    owner = {}
    for clip in clips:
        if clip.sentence not in everyday:
            assert owner.setdefault(clip.sentence, clip.emotion) == clip.emotion


@pytest.mark.parametrize("count", [641, 60])
def test_an_impossible_number_of_clips_is_refused(sources, count):
    with pytest.raises(ValueError, match="there are 640 takes"):
        mer2023.clips(sources, count, seed=0)


@pytest.fixture(scope="module")
def release(tmp_path_factory, clips, sources):
    """Every table, and the files of one train and one test clip."""
    out = tmp_path_factory.mktemp("mer")
    for name, content in mer2023._tables(clips).items():
        folder.save(out / name, lambda part, data=content: part.write_bytes(data))
    for split in ("train", "test1"):
        clip = next(clip for clip in clips if clip.split == split)
        mer2023._write(out, clip, set(mer2023._files(clip)), sources, seed=0)
    return out


def test_the_loader_of_the_real_release_reads_it(release, clips):
    config = params.load(ROOT / "params.yaml").profiles["mini"].dataset("mer2023").prepare
    found = loader.load(release, config)
    assert len(found.clips) == 640
    assert found.check().table["found"].eq(1).all()
    for split, name in (("train", "train"), ("test", "test1")):
        id = next(clip.name for clip in clips if clip.split == name)
        clip = next(clip for clip in found.clips if clip.id == id)
        assert clip.split == split
        for modality, width in config.widths.items():
            assert found.read(clip, modality).shape[1] == width


def test_labels_pass_the_restricted_unpickler(release):
    assert restricted.load(release / "label-6way.npz")["test2_corpus"] == {}


def test_a_clip_is_the_same_bytes_every_time(release, clips, sources, tmp_path):
    clip = next(clip for clip in clips if clip.split == "train")
    mer2023._write(tmp_path, clip, set(mer2023._files(clip)), sources, seed=0)
    for name in mer2023._files(clip):
        assert (tmp_path / name).read_bytes() == (release / name).read_bytes()


def test_a_flat_picture_has_no_gradients():
    assert not hog.hog(np.full((112, 112), 90.0)).any()
    assert hog.hog(np.zeros((112, 112))).size == 4464


def test_hog_names_the_direction_of_an_edge():
    ramp = np.tile(np.arange(48.0), (48, 1))
    across, along = hog.hog(ramp), hog.hog(ramp.T)
    assert across.shape == (4, 4, 31)
    # Brightness grows to the right: direction 0 of 18; turned by 90 degrees: between 4 and 5.
    assert (across[..., :18].argmax(-1) == 0).all()
    assert set(along[..., :18].argmax(-1).ravel()) <= {4, 5}
    # The unsigned half does not tell a ramp from its reverse, the signed one does.
    back = hog.hog(-ramp)
    np.testing.assert_allclose(back[..., 18:27], across[..., 18:27], atol=1e-6)
    assert (back[..., :18].argmax(-1) == 9).all()


def test_hog_does_not_see_contrast_or_brightness():
    picture = np.random.default_rng(0).random((48, 48)) * 100
    np.testing.assert_allclose(hog.hog(3 * picture + 20), hog.hog(picture), atol=1e-3)


def test_hog_refuses_half_cells():
    with pytest.raises(ValueError, match="no whole cells"):
        hog.hog(np.zeros((50, 48)))


def test_sound_has_five_rows_a_second_and_silence_is_finite():
    assert extractors.audio(np.zeros(32_000), 16_000).shape == (10, 64)
    assert np.isfinite(extractors.audio(np.zeros(500), 16_000)).all()


def test_visual_rows_do_not_see_the_light():
    rng = np.random.default_rng(0)
    face = rng.integers(0, 120, (112, 112)).astype(np.uint8)
    rows = extractors.visual([face, 2 * face + 10])
    assert rows.shape == (2, 64)
    np.testing.assert_allclose(rows[0], rows[1], atol=1e-4)


def test_text_has_a_row_per_character_and_pairs_matter():
    one, other = extractors.text("你好"), extractors.text("你坏")
    assert one.shape == (2, 64)
    # The same character before another one: half the same, not the same.
    assert 0.1 < np.corrcoef(one[0], other[0])[0, 1] < 0.9
    assert not extractors.text("").any() and extractors.text("").shape == (1, 64)


def test_rows_of_sound_are_librosas_mel_bands():
    sound = np.random.default_rng(0).normal(0, 0.1, 32_000).astype(np.float32)
    power = librosa.feature.melspectrogram(
        y=sound, sr=16_000, n_fft=1024, hop_length=160, n_mels=32
    )
    parts = np.log10(power + 1e-6)[:, :200].reshape(32, 10, 20)
    expected = np.concatenate([(parts.mean(-1) + 2.5) / 1.25, (parts.std(-1) - 0.5) / 0.34]).T
    np.testing.assert_allclose(extractors.audio(sound, 16_000), expected, atol=1e-5)
