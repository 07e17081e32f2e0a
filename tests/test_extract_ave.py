"""Features of AVE from videos, with random weights: shapes, order, front end, resumption."""

import h5py
import librosa
import numpy as np
import pytest
import tiny_ave
import torch
from PIL import Image

from companion.data import ave
from companion.extract import ave as extract
from companion.extract import vgg
from companion.miniature import media

LINES = (*tiny_ave.LINES[:4], ("Flute", "aaaaaaaaaaa", 0, 4, "test"))


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    """Five events in three videos, one of which is missing."""
    root = tiny_ave.write(tmp_path_factory.mktemp("raw") / "ave", LINES)
    (root / "AVE").mkdir()
    for name in ("audio", "visual"):
        (root / f"{name}_feature.h5").unlink()
    rng = np.random.default_rng(0)
    for video in ("aaaaaaaaaaa", "bbbbbbbbbbb"):
        pictures = [Image.fromarray(rng.integers(0, 255, (32, 32, 3), np.uint8)) for _ in range(10)]
        sound = rng.normal(0, 0.1, 160_000).clip(-1, 1)
        media.write_mp4(root / "AVE" / f"{video}.mp4", pictures, 1, sound, 16_000)
    return root


def by_video(path):
    """Stand in for a network: numbers that only the video's name decides."""
    if not path.exists():
        raise extract.media.BadClip("gone")
    value = float(ord(path.stem[0]))
    return np.full(extract.SHAPES["audio"], value, np.float32)


def test_rows_are_in_the_order_of_the_list_and_a_missing_video_is_told_of(release, monkeypatch):
    monkeypatch.setattr(extract, "describer", lambda *_: by_video)
    failed = extract.extract(release, "audio", "none.pth")
    assert failed == ["Clock&ccccccccccc: gone"]
    with h5py.File(release / "audio_feature.h5") as file:
        rows = file[ave.KEY][:]
    assert rows.shape == (5, 10, 128)
    assert rows[:, 0, 0].tolist()[:2] == [ord("a"), ord("b")]
    assert np.isnan(rows[2]).all()
    assert (rows[3] == ord("b")).all() and (rows[4] == ord("a")).all()
    assert extract.extract(release, "audio", "none.pth") == []
    (release / "audio_feature.h5").unlink()


def test_a_stopped_extraction_goes_on_where_it_stopped(release, monkeypatch):
    asked = []

    def stops(path):
        asked.append(path.stem)
        if len(asked) == 2:
            raise KeyboardInterrupt
        return by_video(path)

    monkeypatch.setattr(extract, "describer", lambda *_: stops)
    with pytest.raises(KeyboardInterrupt):
        extract.extract(release, "audio", "none.pth")
    assert not (release / "audio_feature.h5").exists()
    extract.extract(release, "audio", "none.pth")
    assert [name[0] for name in asked] == list("abbcba")
    (release / "audio_feature.h5").unlink()


class Small(torch.nn.Module):
    """A network of VGG-19's input and output that takes no time."""

    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(3, 512, 32, 32)

    def forward(self, x):
        return self.conv(x)


def test_a_segment_is_the_mean_of_its_frames():
    torch.manual_seed(0)
    model = Small().eval()
    frames = np.random.default_rng(0).integers(0, 256, (6, 224, 224, 3), np.uint8)
    features = vgg.seen(model, frames, segments=3)
    assert features.shape == (3, 7, 7, 512)
    mean, std = (np.array(v, np.float32) for v in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))
    ready = torch.from_numpy(((frames[2:4] / 255 - mean) / std).transpose(0, 3, 1, 2)).float()
    with torch.no_grad():
        wanted = model(ready).mean(0).permute(1, 2, 0).numpy()
    np.testing.assert_allclose(features[1], wanted, atol=1e-4)


def test_vgg19_loads_torchvisions_weights_and_refuses_others(tmp_path):
    with torch.device("meta"):
        names = {
            n: v.shape for n, v in vgg.torchvision.models.vgg19().features.state_dict().items()
        }
    torch.save({f"features.{n}": torch.zeros(s) for n, s in names.items()}, tmp_path / "good.pth")
    model = vgg.vgg19(tmp_path / "good.pth")
    assert not model.training
    assert model(torch.ones(1, 3, 32, 32)).shape == (1, 512, 1, 1)
    torch.save({"conv": torch.zeros(3)}, tmp_path / "other.pth")
    with pytest.raises(ValueError, match="32 weights are missing .* features.0.weight"):
        vgg.vgg19(tmp_path / "other.pth")
    (tmp_path / "text.pth").write_text("weights")
    with pytest.raises(ValueError, match="is no file of weights"):
        vgg.vgg19(tmp_path / "text.pth")
    with pytest.raises(FileNotFoundError, match="--weights"):
        vgg.vgg19(tmp_path / "none.pth")


def test_the_front_end_of_vggish_is_librosas_with_its_options():
    sound = np.random.default_rng(0).normal(0, 0.1, 16_000).astype(np.float32)
    mel = vgg.log_mel(sound)
    assert mel.shape == (96, 64) and mel.dtype == np.float32
    bands = librosa.filters.mel(
        sr=16_000, n_fft=512, n_mels=64, fmin=125, fmax=7_500, htk=True, norm=None
    )
    parts = librosa.util.frame(sound, frame_length=400, hop_length=160)[:, :96]
    window = librosa.filters.get_window("hann", 400)[:, None]
    magnitude = np.abs(np.fft.rfft(parts * window, 512, axis=0))
    # librosa's triangles are straight in Hz, VGGish's in mel; they differ a little.
    np.testing.assert_allclose(mel, np.log(bands @ magnitude + 0.01).T, atol=0.2)
    assert np.corrcoef(mel.ravel(), np.log(bands @ magnitude + 0.01).T.ravel())[0, 1] > 0.999
    silence = vgg.log_mel(np.zeros(16_000, np.float32))
    np.testing.assert_allclose(silence, np.log(0.01), atol=1e-6)


def test_a_tone_is_in_the_band_of_its_pitch():
    time = np.arange(16_000) / 16_000
    loudest = [
        vgg.log_mel(np.sin(2 * np.pi * hertz * time).astype(np.float32)).mean(0).argmax()
        for hertz in (200, 1_000, 5_000)
    ]
    mel = 1127 * np.log1p(np.array([200, 1_000, 5_000]) / 700)
    edges = np.linspace(*(1127 * np.log1p(np.array([125, 7_500]) / 700)), 66)
    np.testing.assert_allclose(loudest, np.searchsorted(edges[1:-1], mel), atol=1.01)


def test_vggish_sees_every_second_by_itself(monkeypatch):
    class Sum(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = torch.nn.Parameter(torch.ones(()))

        def forward(self, mel):
            assert mel.shape[1:] == (1, 96, 64)
            return self.scale * mel.mean((1, 2, 3))[:, None].expand(-1, 128)

    sound = np.zeros(6 * 16_000, np.float32)
    sound[2 * 16_000 : 3 * 16_000] = np.random.default_rng(0).normal(0, 0.3, 16_000)
    features = vgg.heard(Sum(), sound, segments=10)
    assert features.shape == (10, 128)
    assert (features[2] > features[[0, 1, 3, 9]].max() + 1).all()
    np.testing.assert_allclose(features[[0, 1, 3, 9]], np.log(0.01), atol=1e-5)


def test_vggish_has_the_published_layers():
    with torch.device("meta"):
        model = vgg.VGGish()
    shapes = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    assert [name for name in shapes if name.endswith("weight")] == [
        *(f"features.{n}.weight" for n in (0, 3, 6, 8, 11, 13)),
        *(f"embeddings.{n}.weight" for n in (0, 2, 4)),
    ]
    assert shapes["embeddings.0.weight"] == (4096, 12_288)
    assert sum(value.numel() for value in model.state_dict().values()) == 72_141_184
    assert model(torch.zeros(2, 1, 96, 64, device="meta")).shape == (2, 128)


def test_the_command_says_in_one_line_what_is_wrong(release, tmp_path):
    with pytest.raises(SystemExit, match="FileNotFoundError: .*none.pth not found"):
        extract.main([str(release), "--modality", "audio", "--weights", str(tmp_path / "none.pth")])
    with pytest.raises(SystemExit, match="ReleaseError: .*Annotations.txt not found"):
        extract.main([str(tmp_path), "--modality", "audio", "--weights", "none.pth"])
