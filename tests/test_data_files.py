"""Files that are not what they should be: each is named, and no other."""

import errno
import os
from pathlib import Path

import numpy as np
import pytest
import tiny_mer
from tiny_release import CONFIG, write_release

from companion.data import avmnist, compiled, files, media, mer2023
from companion.data.cremad import load
from companion.data.preparation import explained
from companion.data.prepare import prepare
from companion.data.prepare_sequences import prepare_sequences
from companion.data.release import ReleaseError, read_list
from companion.extract import openface
from companion.extract.__main__ import _sentences, _video, extract
from companion.miniature.sounds import shipped

CLIP = "1001_IEO_NEU_XX"


@pytest.fixture
def raw(tmp_path):
    return write_release(tmp_path / "raw")


def locked(monkeypatch, path, code=errno.EACCES):
    """Let opening a file fail: for root there is no file that may not be read."""
    whole = Path.open

    def opened(self, *args, **kwargs):
        if self == path:
            raise OSError(code, os.strerror(code), str(self))
        return whole(self, *args, **kwargs)

    monkeypatch.setattr(Path, "open", opened)


def test_what_is_no_file_is_called_what_it_is(tmp_path, monkeypatch):
    (tmp_path / "folder.wav").mkdir()
    (tmp_path / "link.wav").symlink_to("nowhere")
    (tmp_path / "loop.wav").symlink_to("loop.wav")
    os.mkfifo(tmp_path / "pipe.wav")
    (tmp_path / "locked.wav").write_bytes(b"RIFF")
    locked(monkeypatch, tmp_path / "locked.wav")
    expected = {
        "folder": "a folder instead of a file",
        "link": "a link that leads nowhere",
        "loop": r"unreadable \(Too many levels of symbolic links\)",
        "pipe": "a device instead of a file",
        "locked": r"unreadable \(Permission denied\)",
        "folder.wav/inside": "missing",
    }
    for name, fault in expected.items():
        for read in (lambda p: media.waveform(p, 16_000), lambda p: media.frames(p, 1, 16)):
            with pytest.raises(media.BadClip, match=f"{name}.wav is {fault}"):
                read(tmp_path / f"{name}.wav")


@pytest.mark.parametrize("code", [errno.EMFILE, errno.ENFILE, errno.ENOMEM])
def test_no_clip_is_blamed_for_what_the_machine_lacks(raw, tmp_path, monkeypatch, code):
    locked(monkeypatch, raw / "AudioWAV" / f"{CLIP}.wav", code)
    with pytest.raises(OSError, match=os.strerror(code)):
        prepare(load(raw), tmp_path / "p", CONFIG)


def test_a_clip_that_may_not_be_read_is_rejected_and_named(raw, tmp_path, monkeypatch):
    locked(monkeypatch, raw / "AudioWAV" / f"{CLIP}.wav")
    (raw / "VideoFlash" / "1002_IEO_NEU_XX.flv").unlink()
    (raw / "VideoFlash" / "1002_IEO_NEU_XX.flv").mkdir()
    config = CONFIG.model_copy(update={"max_rejected": 0.1})
    prepared = prepare(load(raw), tmp_path / "p", config)
    assert (prepared.folder / "rejected.csv").read_text().splitlines()[1:] == [
        f"{CLIP},train,AudioWAV/{CLIP}.wav is unreadable (Permission denied)",
        "1002_IEO_NEU_XX,train,VideoFlash/1002_IEO_NEU_XX.flv is a folder instead of a file",
    ]
    report = load(raw).check(strict=False)
    assert report.used == 70
    assert report.table["a folder instead of a file"].sum() == 1
    assert report.table["unreadable (Permission denied)"].sum() == 1


def test_an_error_elsewhere_is_not_blamed_on_the_folder_of_the_arrays(tmp_path):
    folder, work = tmp_path / "p", tmp_path / ".p.partial"
    elsewhere = PermissionError(errno.EACCES, "Permission denied", str(tmp_path / "raw" / "a.wav"))
    assert explained(elsewhere, folder, work) is elsewhere
    for path in (folder / "meta.json", work / "audio.npy", tmp_path / ".p.lock", tmp_path):
        error = PermissionError(errno.EACCES, "Permission denied", str(path))
        assert "choose another folder" in str(explained(error, folder, work))


def test_an_error_that_nobody_expected_names_the_clip(raw, tmp_path, monkeypatch):
    def broken(*_):
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr(media, "waveform", broken)
    with pytest.raises(ZeroDivisionError) as caught:
        prepare(load(raw), tmp_path / "p", CONFIG)
    (note,) = caught.value.__notes__
    assert CLIP in note and str(raw / "VideoFlash" / f"{CLIP}.flv") in note


def test_an_error_while_reading_is_of_the_file_that_is_read(tmp_path, monkeypatch):
    with pytest.raises(OSError):
        files.unreadable(tmp_path / "a.wav", OSError(errno.ENOMEM, "Cannot allocate memory"))
    error = files.unreadable(tmp_path / "a.wav", OSError(errno.EIO, "Input/output error"))
    assert error.reason == f"{tmp_path.name}/a.wav cannot be read: Input/output error"


def test_the_compiler_keeps_its_files_in_our_folder_or_in_a_temporary_one(tmp_path, monkeypatch):
    assert os.access(os.environ["NUMBA_CACHE_DIR"], os.W_OK)
    assert compiled._cache() == str(compiled.CACHE)
    monkeypatch.setattr(compiled.os, "access", lambda *_: False)
    monkeypatch.setattr(compiled.tempfile, "tempdir", str(tmp_path))
    folder = Path(compiled._cache())
    assert folder.parent == tmp_path and folder.is_dir()


def listed(tmp_path, content):
    (tmp_path / "list.csv").write_bytes(content)
    return [row for _, row in read_list(tmp_path / "list.csv", "name,emotion", "Get it.")]


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_marks_line_ends_and_lines_of_nothing_change_no_list(tmp_path, mark, end):
    lines = [b"a,NEU", b"", b'"b", SAD', b"   ", b"\t", "ä,HAP".encode()]
    expected = [["a", "NEU"], ["b", "SAD"], ["ä", "HAP"]]
    assert listed(tmp_path, mark + end.join(lines)) == expected
    assert listed(tmp_path, mark + end.join(lines) + 3 * end) == expected


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a,NEU\n\nb;SAD\n", "line 3: expected name,emotion .fields end with a comma.*b;SAD"),
        (b"a\tNEU\n", "line 1: expected name,emotion"),
        (b"a,NEU\nb,\xe4\n", "line 2: not CSV in UTF-8: .*Save it as that"),
        ("a,NEU\n".encode("utf-16"), "line 1: not CSV in UTF-8"),
        (b"\n \n", "is empty: expected lines of name,emotion"),
        (b"", "is empty"),
    ],
)
def test_a_list_of_another_kind_is_named_with_its_line(tmp_path, content, message):
    with pytest.raises(ReleaseError, match=f"list.csv(, )?.*{message}"):
        listed(tmp_path, content)


def test_a_folder_or_a_locked_file_is_no_list(tmp_path, monkeypatch):
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "locked.csv").write_text("a,NEU\n")
    locked(monkeypatch, tmp_path / "locked.csv")
    for name, message in [
        ("folder", "folder.csv is a folder instead of a file. Get it."),
        ("locked", "locked.csv is unreadable .Permission denied.. Get it."),
        ("absent", "absent.csv not found. Get it."),
    ]:
        with pytest.raises(ReleaseError, match=message):
            read_list(tmp_path / f"{name}.csv", "name,emotion", "Get it.")


@pytest.mark.parametrize("damage", ["cut", "body", "tail", "short", "dimensions", "size"])
def test_damaged_pictures_of_digits_are_named(tmp_path, damage):
    import gzip

    head = b"\0\0\x08\x03" + b"".join(n.to_bytes(4) for n in (2, 28, 28))
    packed = gzip.compress(head + bytes(2 * 28 * 28))
    whole = avmnist.IMAGES
    contents = {
        "cut": packed[: len(packed) // 2],
        "body": packed[:12] + b"\xff\xff\xff" + packed[15:],
        "tail": packed + b"junk",
        "short": gzip.compress(b"\0\0\x08"),
        "dimensions": gzip.compress(b"\0\0\x08\x03\0\0"),
        "size": gzip.compress(b"\0\0\x08\x03" + b"\xff" * 12 + bytes(9)),
    }
    (tmp_path / whole).parent.mkdir(parents=True)
    (tmp_path / whole).write_bytes(contents[damage])
    with pytest.raises(ReleaseError, match=f"{whole}.*make study-data"):
        avmnist.read_idx(tmp_path / whole, tmp_path)


def test_videos_are_found_whatever_the_case_of_their_ending(tmp_path):
    folder = tmp_path / "video"
    folder.mkdir()
    for name in ("a.MP4", "b.avi", "b.Mp4", "c [1].AVI", "._a.mp4", "d.txt"):
        (folder / name).touch()
    names = {clip: _video(tmp_path, clip).name for clip in ("a", "b", "c [1]")}
    assert names == {"a": "a.MP4", "b": "b.Mp4", "c [1]": "c [1].AVI"}
    (tmp_path / "openface").mkdir()
    for clip in names:
        (tmp_path / "openface" / f"{clip}.hog").write_bytes(b"cut")
    failed = extract(tmp_path, "hog")
    assert [line.split(":")[0] for line in failed] == ["a", "b", "c [1]"]
    assert all(f"{clip}.hog has 3 bytes" in line for clip, line in zip(names, failed, strict=True))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"name;sentence\na;b\n", "line 1: expected columns name,sentence, found name;sentence"),
        (b"name,sentence\na,\xb0\xa1\n", "line 2: not CSV in UTF-8"),
        (b"", "line 1: expected columns name,sentence"),
    ],
)
def test_transcripts_that_cannot_be_read_are_named(tmp_path, content, message):
    (tmp_path / "transcription.csv").write_bytes(content)
    with pytest.raises(ReleaseError, match=f"transcription.csv, {message}"):
        _sentences(tmp_path / "transcription.csv")


def test_a_face_that_is_no_picture_is_named(tmp_path):
    from PIL import Image

    Image.fromarray(np.zeros((20, 20, 3), np.uint8)).save(tmp_path / "1.bmp")
    (tmp_path / "2.bmp").write_bytes((tmp_path / "1.bmp").read_bytes()[:400])
    with pytest.raises(ValueError, match="2.bmp cannot be read: .*let OpenFace make it anew"):
        openface.faces(tmp_path)


def test_shipped_sources_that_are_cut_are_named(tmp_path, root):
    whole = (root / "data" / "sounds" / "flute.opus").read_bytes()
    assert len(shipped.decoded(root / "data" / "sounds" / "flute.opus", 16_000)) > 16_000
    for name, content in {"half": whole[: len(whole) // 2], "nothing": b""}.items():
        (tmp_path / f"{name}.opus").write_bytes(content)
        with pytest.raises(ValueError, match=f"{name}.opus is not as it was shipped.*checkout"):
            shipped.decoded(tmp_path / f"{name}.opus", 16_000)
    (tmp_path / "cues.csv").write_text("voice,start\nalan,1\nbru")
    with pytest.raises(ValueError, match="cues.csv, row 3, is not as it was shipped"):
        shipped.table(tmp_path / "cues.csv")
    (tmp_path / "cues.csv").write_bytes(b"voice,start\n\xff,1\n")
    with pytest.raises(ValueError, match="cues.csv is not as it was shipped"):
        shipped.table(tmp_path / "cues.csv")


@pytest.fixture
def emotions(tmp_path):
    tiny_mer.write(tmp_path / "mer")
    return tmp_path / "mer", mer2023.load(tmp_path / "mer", tiny_mer.config())


@pytest.mark.parametrize("kind", ["fortran", "big", "double", "integers", "one vector"])
def test_features_of_every_layout_are_the_same_numbers(emotions, tmp_path, kind):
    root, release = emotions
    clip, width = release.clips[0], tiny_mer.WIDTHS["audio"]
    whole = np.arange((1 if kind == "one vector" else 3) * width).reshape(-1, width)
    stored = {
        "fortran": np.asfortranarray(whole.astype("<f4")),
        "big": whole.astype(">f4"),
        "double": whole.astype("<f8"),
        "integers": whole,
        "one vector": whole[0].astype("<f4"),
    }[kind]
    np.save(release.path(clip, "audio"), stored)
    np.testing.assert_array_equal(release.read(clip, "audio"), whole)
    prepared = prepare_sequences(release, tmp_path / "p", tiny_mer.config())
    np.testing.assert_array_equal(np.load(prepared.folder / "audio.npy")[: len(whole)], whole)


def test_features_that_are_no_numbers_are_rejected_and_named(emotions, tmp_path, monkeypatch):
    root, release = emotions
    paths = [release.path(clip, "audio") for clip in release.clips]
    content = paths[0].read_bytes()
    paths[0].write_bytes(content[:-4])
    np.save(paths[1], np.array([{"a": 1}], object), allow_pickle=True)
    np.save(paths[2], np.full((2, tiny_mer.WIDTHS["audio"]), 1e300))
    paths[3].unlink()
    paths[3].mkdir()
    locked(monkeypatch, paths[4])
    config = tiny_mer.config(max_rejected=0.5)
    prepared = prepare_sequences(release, tmp_path / "p", config)
    lines = (prepared.folder / "rejected.csv").read_text().splitlines()[1:]
    assert len(lines) == 5
    for clip, line, reason in zip(
        release.clips,
        lines,
        ["no whole .npy", "no whole .npy", "reach inf", "a folder", "unreadable"],
        strict=False,
    ):
        assert line.startswith(clip.id) and reason in line and f"{clip.id}" in line.split(",", 2)[2]


@pytest.mark.parametrize("name", ["../a", "/etc/a", "a/b", "..", "a\0b"])
def test_a_name_that_leads_out_of_the_release_is_no_name(tmp_path, name):
    corpora = tiny_mer.labels()
    corpora["train_corpus"][name] = {"emo": "sad", "val": 1.0}
    tiny_mer.write(tmp_path / "mer")
    tables = {k: np.array(v, object) for k, v in corpora.items()}
    np.savez(tmp_path / "mer" / "label-6way.npz", **tables)
    with pytest.raises(ReleaseError, match="label-6way.npz, train_corpus: .* is no name of a clip"):
        mer2023.load(tmp_path / "mer", tiny_mer.config())


def test_label_files_with_blanks_and_twice_the_same_clip(tmp_path):
    head = "\ufeffname,discrete,valence\r\n"
    rows = [f"s{i},{mer2023.CLASSES[i % 6]} , 1 " for i in range(12)]
    (tmp_path / "train-label.csv").write_text(head + "\r\n   \r\n,,\r\n".join(rows), newline="")
    (tmp_path / "test1-label.csv").write_text("name,discrete,valence\nt0,sad,1\n")
    assert len(mer2023.load(tmp_path, tiny_mer.config()).clips) == 13
    (tmp_path / "test1-label.csv").write_text("name,discrete,valence\nt0,sad,1\n\ns3,sad,1\n")
    with pytest.raises(ReleaseError, match="test1-label.csv, line 4: duplicate id s3, first"):
        mer2023.load(tmp_path, tiny_mer.config())
