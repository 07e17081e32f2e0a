import gzip
import os
import shutil
from pathlib import Path

import numpy as np
import pooch
import pytest
import soundfile

from companion.data import avmnist
from companion.data.avmnist import IMAGES, LABELS, RECORDINGS, verify
from companion.data.prepare import prepare
from companion.data.release import ReleaseError
from companion.data.sections import PrepareSpeakers

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
REAL = Path(os.environ.get("OLM_REAL_DATA", SHARED)) / "avmnist"
SPEAKERS = ("ann", "bob", "cid")
CONFIG = PrepareSpeakers(seconds=1.0, frame_size=28)


def load(root, fold=0, **changed):
    return avmnist.load(root, CONFIG.model_copy(update=changed), fold)


@pytest.fixture(scope="module")
def real():
    if not (REAL / IMAGES).is_file():
        pytest.skip(f"the real AV-MNIST recordings are not at {REAL}")
    return load(REAL)


def write_idx(path, array):
    path.parent.mkdir(parents=True, exist_ok=True)
    sizes = b"".join(n.to_bytes(4) for n in array.shape)
    path.write_bytes(gzip.compress(bytes([0, 0, 8, array.ndim]) + sizes + array.tobytes()))


@pytest.fixture
def root(tmp_path):
    """Three speakers, recordings 4 to 6 of each digit, 12 images per digit."""
    root = tmp_path / "avmnist"
    labels = np.tile(np.arange(10, dtype=np.uint8), 12)
    images = np.random.default_rng(0).integers(0, 256, (120, 28, 28)).astype(np.uint8)
    images[:, 0, 0] = labels
    write_idx(root / IMAGES, images)
    write_idx(root / LABELS, labels)
    (root / RECORDINGS).mkdir(parents=True)
    for digit in range(10):
        for speaker in SPEAKERS:
            for index in (4, 5, 6):
                wave = np.sin(np.arange(2_000) * (digit + 1) / 20) / 4
                name = f"{digit}_{speaker}_{index}.wav"
                soundfile.write(root / RECORDINGS / name, wave, 8_000)
    return root


def test_real_recordings_are_paired_once_within_their_digit(real):
    labels = avmnist.read_idx(REAL / LABELS, REAL)
    images = [int(clip.id.split("-")[1]) for clip in real.clips]
    assert len(real.clips) == len(set(images)) == 3000
    assert [labels[image] for image in images] == [clip.label for clip in real.clips]
    assert all(clip.id.startswith(f"{clip.label}_{clip.group}_") for clip in real.clips)
    first = avmnist.read_idx(REAL / IMAGES, REAL)[images[0]]
    np.testing.assert_array_equal(real.images[0], first)


def test_every_speaker_is_tested_once_and_nobody_has_two_roles(real):
    tested = []
    for fold in range(6):
        release = load(REAL, fold)
        assert [clip.id for clip in release.clips] == [clip.id for clip in real.clips]
        people = {
            split: {clip.group for clip in release.clips if clip.split == split}
            for split in ("train", "dev", "test")
        }
        assert [len(names) for names in people.values()] == [4, 1, 1]
        assert len(set.union(*people.values())) == 6
        tested += people["test"]
    assert sorted(tested) == sorted({clip.group for clip in real.clips})
    with pytest.raises(ValueError, match="there are folds 0 to 5, not 6"):
        load(REAL, 6)


def test_real_contents_are_the_released_ones(real):
    verify(REAL)


def test_real_images_keep_a_quarter_of_their_energy(real):
    weak = load(REAL, pca_energy=0.25)
    train = np.array([clip.split == "train" for clip in real.clips])
    whole, left = (r.images[train].astype(float) for r in (real, weak))
    kept = ((left - whole.mean(0)) ** 2).sum() / ((whole - whole.mean(0)) ** 2).sum()
    # Rounding and clipping to bytes take away a little; a component more may be needed.
    assert 0.15 < kept < 0.35
    assert weak.images.dtype == np.uint8


def test_weak_images_do_not_depend_on_the_test_images(root):
    first = load(root, pca_energy=0.5)
    images, test = avmnist.read_idx(root / IMAGES, root).copy(), []
    for clip in first.clips:
        if clip.split == "test":
            test.append(int(clip.id.split("-")[1]))
    images[test] = 255 - images[test]
    write_idx(root / IMAGES, images)
    second = load(root, pca_energy=0.5)
    train = [i for i, clip in enumerate(first.clips) if clip.split == "train"]
    np.testing.assert_array_equal(second.images[train], first.images[train])


def test_another_seed_pairs_anew_and_the_same_one_does_not(root):
    ids = [[clip.id for clip in load(root, seed=seed).clips] for seed in (0, 0, 1)]
    assert ids[0] == ids[1] != ids[2]
    assert len(set(ids[0])) == 90


def test_noise_has_the_wanted_strength_and_belongs_to_its_recording(root):
    clean, noisy = load(root), load(root, audio_noise=0.5)
    clip = clean.clips[10]
    sound = clean.waveform(clip, 16_000)
    noise = noisy.waveform(clip, 16_000) - sound
    assert noise.std() / np.sqrt((sound**2).mean()) == pytest.approx(0.5, rel=0.05)
    alone = noisy.part([clip]).waveform(clip, 16_000)
    np.testing.assert_array_equal(alone, noise + sound)
    other = noisy.waveform(clean.clips[11], 16_000) - clean.waveform(clean.clips[11], 16_000)
    assert not np.array_equal(other, noise)


def test_frames_are_the_image_in_three_equal_channels(root):
    release = load(root)
    frames = release.part(release.clips[5:9]).frames(release.clips[7], 2, 28)
    assert frames.shape == (2, 28, 28, 3)
    np.testing.assert_array_equal(frames, np.tile(release.images[7][None, ..., None], (2, 1, 1, 3)))
    assert frames[0, 0, 0, 0] == release.clips[7].label
    assert release.frames(release.clips[7], 1, 14).shape == (1, 14, 14, 3)


def test_pairs_become_a_prepared_folder_like_any_other(root, tmp_path):
    prepared = prepare(load(root, audio_noise=0.5), tmp_path / "p", CONFIG)
    assert prepared.audio.shape == (90, 257, 98)
    assert prepared.visual.shape == (90, 1, 28, 28, 3)
    assert prepared.records.groupby("split")["group"].unique().map(list).to_dict() == {
        "test": ["ann"],
        "dev": ["bob"],
        "train": ["cid"],
    }
    release = load(root)
    for i in (0, 40, 89):
        np.testing.assert_array_equal(prepared.visual[i, 0, ..., 0], release.images[i])
    other = prepare(load(root, audio_noise=0.5, seed=1), tmp_path / "q", CONFIG)
    assert other.digest != prepared.digest


def test_a_missing_part_says_how_to_fetch_it(tmp_path):
    with pytest.raises(ReleaseError, match="missing; `make study-data` fetches it"):
        load(tmp_path)


def test_wrong_files_are_named(root):
    recording = root / RECORDINGS / "0_ann_4.wav"
    recording.rename(root / RECORDINGS / "zero.wav")
    with pytest.raises(ReleaseError, match="zero.wav is not called digit_speaker_index.wav"):
        load(root)
    shutil.rmtree(root / RECORDINGS)
    with pytest.raises(ReleaseError, match="has no recording"):
        load(root)
    content = (root / IMAGES).read_bytes()
    for wrong, message in [
        (content[:500], "ended before"),
        (b"not gzip", "gzip"),
        (gzip.compress(b"\0\0\x08\1\0\0\0\5abc"), "not an IDX file"),
        (gzip.compress(b"\0\0\x0d\1\0\0\0\0"), "not an IDX file"),
        (b"", "empty"),
    ]:
        (root / IMAGES).write_bytes(wrong)
        with pytest.raises(ReleaseError, match=message):
            load(root)


def test_too_few_images_and_too_few_speakers_are_named(root):
    for path in (root / RECORDINGS).glob("*_ann_*.wav"):
        path.unlink()
    with pytest.raises(ReleaseError, match="2 speakers, too few to be in three splits"):
        load(root)
    write_idx(root / IMAGES, np.zeros((30, 28, 28), np.uint8))
    with pytest.raises(ReleaseError, match="30, 28, 28.* for 120 labels"):
        load(root)
    write_idx(root / LABELS, np.tile(np.arange(10, dtype=np.uint8), 3))
    with pytest.raises(ReleaseError, match="too few images of 0"):
        load(root)


def test_a_local_source_is_copied_and_then_left_alone(real, tmp_path):
    avmnist.fetch(tmp_path / "raw", REAL)
    verify(tmp_path / "raw")
    stamp = (tmp_path / "raw" / "mnist").stat().st_mtime_ns
    avmnist.fetch(tmp_path / "raw", tmp_path / "nowhere")
    assert (tmp_path / "raw" / "mnist").stat().st_mtime_ns == stamp


def test_a_source_with_other_contents_is_refused(root, tmp_path):
    with pytest.raises(ReleaseError, match="not MNIST's"):
        avmnist.fetch(tmp_path / "raw", root)
    assert list((tmp_path / "raw").iterdir()) == []


def test_a_changed_or_missing_recording_is_noticed(real, tmp_path):
    copy = tmp_path / "copy"
    (copy / "fsdd").mkdir(parents=True)
    (copy / "mnist").symlink_to(REAL / "mnist")
    (copy / RECORDINGS).mkdir()
    for path in (REAL / RECORDINGS).iterdir():
        (copy / RECORDINGS / path.name).symlink_to(path)
    verify(copy)
    changed = copy / RECORDINGS / "3_theo_7.wav"
    content = bytearray(changed.read_bytes())
    content[-1] ^= 1
    changed.unlink()
    changed.write_bytes(content)
    with pytest.raises(ReleaseError, match="a recording differs from FSDD"):
        verify(copy)
    changed.unlink()
    with pytest.raises(ReleaseError, match="2999 of 3000 recordings"):
        verify(copy)


def test_a_download_with_a_wrong_checksum_is_refused(tmp_path, monkeypatch):
    def wrong(url, output_file, *_, **__):
        Path(output_file).write_bytes(b"something else")

    monkeypatch.setattr(pooch, "HTTPDownloader", lambda **_: wrong)
    monkeypatch.setattr("pooch.core.choose_downloader", lambda *_, **__: wrong)
    with pytest.raises(ValueError, match="does not match the known hash"):
        avmnist.fetch(tmp_path / "raw")
    assert not (tmp_path / "raw" / "mnist").exists()
