"""Feature extraction for the real MER2023, with tiny random networks and no download."""

import builtins
import struct

import numpy as np
import pytest
import soundfile
import torch
from PIL import Image

from companion import params
from companion.extract import audio, hub, openface, text, visual
from companion.extract.__main__ import extract, main, target

CELLS = 12 * 12 * 31


@pytest.fixture(scope="module")
def hubert_folder(tmp_path_factory):
    transformers = pytest.importorskip("transformers", reason="needs the extra [extract]")
    folder = tmp_path_factory.mktemp("hubert")
    torch.manual_seed(0)
    config = transformers.HubertConfig(
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        conv_dim=(8,) * 7,
        num_conv_pos_embeddings=4,
        num_conv_pos_embedding_groups=2,
    )
    transformers.HubertModel(config).save_pretrained(folder)
    transformers.Wav2Vec2FeatureExtractor(do_normalize=True).save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="module")
def bert_folder(tmp_path_factory):
    transformers = pytest.importorskip("transformers", reason="needs the extra [extract]")
    folder = tmp_path_factory.mktemp("bert")
    torch.manual_seed(0)
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"我今天很高兴"]
    (folder / "vocab.txt").write_text("\n".join(words), encoding="utf-8")
    transformers.BertTokenizer(str(folder / "vocab.txt")).save_pretrained(folder)
    config = transformers.BertConfig(
        vocab_size=len(words),
        hidden_size=16,
        num_hidden_layers=5,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=20,
    )
    transformers.BertModel(config).save_pretrained(folder)
    return str(folder)


def test_hubert_has_fifty_rows_a_second(hubert_folder):
    sound = np.random.default_rng(0).normal(0, 0.1, 2 * audio.RATE).astype(np.float32)
    rows = audio.Hubert(hubert_folder)(sound)
    assert rows.shape == (99, 16) and rows.dtype == np.float32 and np.isfinite(rows).all()


def test_hubert_does_not_hear_the_volume(hubert_folder):
    sound = np.random.default_rng(0).normal(0, 0.1, audio.RATE).astype(np.float32)
    model = audio.Hubert(hubert_folder)
    np.testing.assert_allclose(model(sound), model(0.25 * sound), atol=1e-4)


def test_a_clip_too_short_for_one_row_is_refused(hubert_folder):
    with pytest.raises(ValueError, match="399 samples are too few"):
        audio.Hubert(hubert_folder)(np.zeros(399, np.float32))


def test_macbert_is_the_sum_of_the_last_four_layers_without_special_tokens(bert_folder):
    model = text.MacBert(bert_folder)
    rows = model("我今天很高兴")
    assert rows.shape == (6, 16)
    batch = model.tokenizer("我今天很高兴", return_tensors="pt")
    with torch.no_grad():
        layers = model.model(**batch, output_hidden_states=True).hidden_states
    by_hand = sum(layer[0, 1:-1] for layer in layers[2:6])
    np.testing.assert_allclose(rows, by_hand, atol=1e-5)


@pytest.mark.parametrize("sentence", ["", "   "])
def test_no_transcript_is_one_row_of_zeros(bert_folder, sentence):
    rows = text.MacBert(bert_folder)(sentence)
    assert rows.shape == (1, 16) and not rows.any()


def test_without_the_extra_the_error_says_how_to_get_it(monkeypatch):
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name == "transformers":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(hub.MissingExtra, match=r"pip install -e '\.\[extract\]'"):
        text.MacBert("nowhere")


def hog_bytes(rows, flags):
    return b"".join(
        struct.pack("<iiif", 12, 12, 31, flag) + row.astype("<f4").tobytes()
        for row, flag in zip(rows, flags, strict=True)
    )


def test_hog_files_give_back_what_was_written(tmp_path):
    rows = np.random.default_rng(0).random((3, CELLS), np.float32)
    (tmp_path / "a.hog").write_bytes(hog_bytes(rows, [1.0, -1.0, 1.0]))
    found, valid = openface.hog(tmp_path / "a.hog")
    np.testing.assert_array_equal(found, rows)
    assert valid.tolist() == [True, False, True]


def test_a_cut_hog_file_and_one_of_other_cells_are_refused(tmp_path):
    data = hog_bytes(np.zeros((2, CELLS)), [1, 1])
    for name, content, message in [
        ("cut", data[:-4], "cut off"),
        ("empty", b"", "cut off"),
        ("other", struct.pack("<iiif", 14, 14, 31, 1) + data[16 : len(data) // 2], "14 x 14 x 31"),
    ]:
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ValueError, match=message):
            openface.hog(tmp_path / name)


def test_faces_come_in_the_order_of_their_numbers(tmp_path):
    for number in (10, 2, 1):
        colour = (number, 0, 0)
        Image.new("RGB", (4, 4), colour).save(tmp_path / f"frame_det_00_{number}.bmp")
    assert [face.getpixel((0, 0))[0] for face in openface.faces(tmp_path)] == [1, 2, 10]


def test_without_openface_the_error_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="install OpenFace 2"):
        openface.run(tmp_path / "a.mp4", tmp_path)


@pytest.fixture(scope="module")
def manet():
    torch.manual_seed(0)
    return visual.MANet(7)


@pytest.mark.parametrize("wrap", [lambda s: s, lambda s: {"state_dict": s, "epoch": 3}])
def test_a_checkpoint_of_dataparallel_is_loaded(tmp_path, manet, wrap):
    state = {f"module.{name}": value for name, value in manet.state_dict().items()}
    torch.save(wrap(state), tmp_path / "manet.pt")
    loaded = visual.load(tmp_path / "manet.pt")
    face = [Image.fromarray(np.random.default_rng(0).integers(0, 255, (60, 50, 3), np.uint8))]
    rows = visual.describe(loaded, face)
    assert rows.shape == (1, 1024) and np.isfinite(rows).all()
    manet.eval()
    np.testing.assert_allclose(rows, visual.describe(manet, face), atol=1e-5)


def test_the_names_of_weights_are_those_of_the_published_checkpoints(manet):
    names = manet.state_dict().keys()
    for name in (
        "layer2.0.downsample.1.running_mean",
        "layer3_1_p4.1.cbam.ChannelGate.mlp.3.bias",
        "layer4_1_p1.0.cbam.SpatialGate.spatial.bn.weight",
        "layer4_2.1.conv2_2_4.weight",
        "layer3_2.0.bn1_2_1.running_var",
        "fc_2.bias",
    ):
        assert name in names
    # Convolutions have no bias in either branch.
    assert not [n for n in names if "conv" in n and n.endswith("bias")]


def test_each_quarter_of_a_face_has_weights_of_its_own(manet):
    """A change in one corner changes that quarter's branch and the multi-scale branch only."""
    manet.eval()
    seen = {}
    hooks = [
        getattr(manet, f"layer4_1_p{n}").register_forward_hook(
            lambda _, __, out, n=n: seen.setdefault(n, []).append(out)
        )
        for n in (1, 2, 3, 4)
    ]
    face = torch.rand(1, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    other = face.clone()
    other[..., -20:, -20:] = 0
    with torch.no_grad():
        for picture in (face, other):
            manet(picture)
    for hook in hooks:
        hook.remove()
    changed = {n: not torch.equal(*outputs) for n, outputs in seen.items()}
    assert changed == {1: False, 2: False, 3: False, 4: True}


def test_a_checkpoint_that_does_not_fit_says_where(tmp_path, manet):
    state = dict(manet.state_dict())
    state.pop("bn1.weight")
    state["more"] = torch.zeros(1)
    torch.save(state, tmp_path / "manet.pt")
    with pytest.raises(ValueError, match="in 2 places(.|\n)*missing bn1.weight(.|\n)*unexpected"):
        visual.load(tmp_path / "manet.pt")


def test_a_checkpoint_with_foreign_objects_is_not_unpickled(tmp_path):
    torch.save({"state_dict": Image.new("RGB", (1, 1))}, tmp_path / "manet.pt")
    with pytest.raises(ValueError, match="no file of weights"):
        visual.load(tmp_path / "manet.pt")


@pytest.fixture
def release(tmp_path):
    """Two clips whose videos are never opened, because their sound lies beside them."""
    for name in ("video", "audio", "openface"):
        (tmp_path / name).mkdir()
    for i, clip in enumerate(("sample_00000001", "sample_00000002")):
        (tmp_path / "video" / f"{clip}.mp4").touch()
        sound = np.random.default_rng(i).normal(0, 0.1, 8000)
        soundfile.write(tmp_path / "audio" / f"{clip}.wav", sound, 16_000)
        rows = np.full((2, CELLS), i, np.float32)
        (tmp_path / "openface" / f"{clip}.hog").write_bytes(hog_bytes(rows, [1, 1]))
    lines = "name,sentence\nsample_00000001,我今天很高兴\n"
    (tmp_path / "transcription.csv").write_text(lines, encoding="utf-8")
    return tmp_path


def test_sound_text_and_hog_of_a_release(release, hubert_folder, bert_folder):
    main([str(release), "--modality", "audio", "--model", hubert_folder])
    main([str(release), "--modality", "text", "--model", bert_folder])
    main([str(release), "--modality", "hog"])
    shapes = {
        m: np.load(target(release, m, "sample_00000001")).shape for m in ("audio", "text", "hog")
    }
    assert shapes == {"audio": (24, 16), "text": (6, 16), "hog": (2, CELLS)}
    assert np.load(target(release, "text", "sample_00000002")).shape == (1, 16)


def test_finished_clips_are_not_made_again(release):
    done = target(release, "hog", "sample_00000001")
    done.parent.mkdir(parents=True)
    done.write_bytes(b"mine")
    assert extract(release, "hog") == []
    assert done.read_bytes() == b"mine"


def test_a_clip_that_fails_stops_no_other_and_is_named(release):
    (release / "openface" / "sample_00000001.hog").write_bytes(b"cut")
    with pytest.raises(SystemExit, match="1 clips have no hog(.|\n)*sample_00000001: .*cut off"):
        main([str(release), "--modality", "hog"])
    assert target(release, "hog", "sample_00000002").is_file()
    assert not target(release, "hog", "sample_00000001").exists()


def test_a_clip_without_a_face_has_no_file(release, tmp_path, manet):
    torch.save(manet.state_dict(), tmp_path / "manet.pt")
    failed = extract(release, "visual", str(tmp_path / "manet.pt"))
    assert len(failed) == 2 and "no face" in failed[0]


def test_errors_are_one_line(tmp_path):
    with pytest.raises(SystemExit, match="no .mp4 or .avi in"):
        main([str(tmp_path), "--modality", "hog"])


def test_the_folders_are_those_that_the_loader_reads(release):
    features = params.load().profiles["paper"].dataset("mer2023").prepare.features
    for modality, folder in features.items():
        assert folder in target(release, modality, "a").parts
