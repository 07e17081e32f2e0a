"""The miniature CREMA-D: official layout, same bytes each time, faces that speak."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from PIL import ImageChops
from scipy.signal import correlate

from companion.data import cremad as official
from companion.data import media
from companion.data.sections import Miniature
from companion.miniature import cremad, folder, plan
from companion.miniature import release as making
from companion.miniature.__main__ import main
from companion.miniature.faces import canvas, expressions, people
from companion.miniature.faces import portrait as faces
from companion.miniature.sounds import voices

DATA = Path("data")
pytestmark = pytest.mark.skipif(
    not (DATA / "cremad/cues.csv").is_file(), reason="data/ is not pulled: dvc pull data.dvc"
)
SMALL = Miniature(actors=6, clips=48, seed=0)
TINY = Miniature(actors=2, clips=36, seed=3)


def contents(root: Path) -> dict[str, bytes]:
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in root.rglob("*") if p.is_file()}


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    return cremad.cremad(DATA, tmp_path_factory.mktemp("raw") / "cremad", SMALL, workers=2)


@pytest.fixture(scope="module")
def sources():
    return voices.Sources(DATA / "cremad")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return cremad.cremad(DATA, tmp_path_factory.mktemp("tiny") / "cremad", TINY, workers=1)


@pytest.fixture
def copy(tiny, tmp_path):
    for name, data in contents(tiny).items():
        path = tmp_path / "cremad" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return tmp_path / "cremad"


def test_the_loader_of_the_real_release_reads_it(release):
    loaded = official.load(release)
    report = loaded.check()
    assert report.used == report.total == 48
    for split in ("train", "test"):
        own = [clip for clip in loaded.clips if clip.split == split]
        assert {clip.label for clip in own} == set(range(6))
        assert {clip.group for clip in own} == {str(1001 + i) for i in range(6)}


def test_labels_are_balanced(release):
    labels = [clip.label for clip in official.load(release).clips]
    assert set(np.bincount(labels)) == {8}


def test_layout_is_the_official_one(release):
    names = [p.stem for p in sorted((release / "AudioWAV").iterdir())]
    assert names == [p.stem for p in sorted((release / "VideoFlash").iterdir())]
    assert {p.suffix for p in (release / "VideoFlash").iterdir()} == {".flv"}
    with (release / "SentenceFilenames.csv").open() as file:
        assert [row["Filename"] for row in csv.DictReader(file)] == names
    with (release / "VideoDemographics.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["ActorID", "Age", "Sex", "Race", "Ethnicity"]
    assert len(rows) == 6
    assert (release / "train.csv").read_bytes().startswith(b"\xef\xbb\xbf1")


def test_headers_are_those_of_the_real_files(release):
    real = Path("../shared/data/annotations/cremad")
    if not real.is_dir():
        pytest.skip(f"{real} is not here")
    tables = ("summaryTable.csv", "VideoDemographics.csv", "SentenceFilenames.csv")
    for name in tables:
        ours = next(release.rglob(name)).read_text().splitlines()[0]
        assert ours == (real / name).read_text().splitlines()[0]


def test_votes_are_letters_and_often_disagree_with_the_acted_emotion(sources):
    chosen = plan.clips(sources, 24, 1008, 0)
    rows = [plan.votes(clip, 0) for clip in chosen]
    for row in rows:
        assert all(set(vote) <= set("ADFHNS:") for vote in row[0::2])
        assert all(0 <= float(level) <= 100 for level in row[1::2])
    agree = [
        np.mean([row[i] == c.take.emotion[0] for row, c in zip(rows, chosen, strict=True)])
        for i in (0, 2, 4)
    ]
    assert all(1 / 6 < share < 0.95 for share in agree)
    assert agree[2] > agree[0]


def test_sound_is_16_khz_16_bit_one_channel_and_not_silent(release):
    for path in (release / "AudioWAV").iterdir():
        info = soundfile.info(path)
        assert (info.samplerate, info.channels, info.subtype) == (16_000, 1, "PCM_16")
        assert 1.0 < info.duration < 5.0
        assert np.abs(soundfile.read(path)[0]).max() > 0.02


def test_video_holds_picture_and_the_same_sound(release):
    for path in sorted((release / "VideoFlash").iterdir())[:6]:
        wav, _ = soundfile.read(release / "AudioWAV" / f"{path.stem}.wav")
        with av.open(str(path)) as container:
            assert container.format.name == "flv"
            video = container.streams.video[0]
            assert video.codec_context.name == "flv"
            assert (video.width, video.height) == canvas.SIZE
            frames = list(container.decode(video))
        with av.open(str(path)) as container:
            audio = container.streams.audio[0]
            rate = audio.rate
            sound = np.concatenate([f.to_ndarray()[0] for f in container.decode(audio)])
        assert len(frames) == pytest.approx(len(wav) / 16_000 * cremad.FPS, abs=1)
        assert len(sound) / rate == pytest.approx(len(wav) / 16_000, abs=0.12)
        # Whatever the delay of the codec: the same wave.
        heard = np.interp(np.arange(len(wav)) / 16_000, np.arange(len(sound)) / rate, sound)
        same = correlate(wav, heard, mode="full").max() / np.sqrt((wav**2).sum() * (heard**2).sum())
        assert same > 0.8


def test_no_two_clips_share_a_picture(release):
    seen = set()
    for path in (release / "VideoFlash").iterdir():
        seen.add(media.frames(path, 1, 64).tobytes())
    assert len(seen) == 48


def test_same_bytes_again_and_with_another_number_of_workers(tiny, tmp_path):
    again = cremad.cremad(DATA, tmp_path / "again", TINY, workers=2)
    assert contents(again) == contents(tiny)


def test_another_seed_gives_other_people_sounds_and_lists(sources):
    one, other = (plan.clips(sources, 6, 72, seed) for seed in (0, 1))
    assert [c.name for c in one] != [c.name for c in other]
    assert one[0].actor.person != other[0].actor.person
    assert plan.split(one, 0) != plan.split(one, 1)
    first = one[0]
    sounds = [cremad.perform(first, sources, seed)[1] for seed in (0, 1)]
    assert sounds[0].shape != sounds[1].shape or (sounds[0] != sounds[1]).any()


def test_mouth_opens_with_the_sound(sources):
    correlations = []
    for clip in plan.clips(sources, 6, 72, 0):
        speech, _, pictures = cremad.perform(clip, sources, 0)
        opening = cremad.mouth(clip, speech, 0)
        assert 0 <= opening.min() <= opening.max() <= 1
        loud = voices.loudness(speech, len(opening), cremad.FPS)
        correlations.append(np.corrcoef(opening, loud)[0, 1])
    assert min(correlations) > 0.3
    assert np.mean(correlations) > 0.8


def test_every_emotion_moves_the_face_in_its_own_way():
    rng = np.random.default_rng(0)
    portrait = faces.Portrait(people.person("Female", 30, rng), people.scene(rng))
    rest = dict.fromkeys(expressions.UNITS, 0.0)
    drawn = {e: portrait.frame(rest | units, 0, 1) for e, units in expressions.PROTOTYPES.items()}
    for one in drawn:
        for other in drawn:
            if one < other:
                assert ImageChops.difference(drawn[one], drawn[other]).getbbox()


def test_every_unit_of_a_prototype_is_known_and_seen():
    rng = np.random.default_rng(1)
    far = replace(people.scene(rng), scale=0.7, shift=(0, -0.1))  # the shoulders are in view
    portrait = faces.Portrait(people.person("Male", 30, rng), far)
    rest = dict.fromkeys(expressions.UNITS, 0.0)
    plain = portrait.frame(rest, 0.3, 1)
    assert {u for units in expressions.PROTOTYPES.values() for u in units} <= set(rest)
    for unit in rest:
        assert ImageChops.difference(plain, portrait.frame(rest | {unit: 1}, 0.3, 1)).getbbox()


def test_second_run_changes_nothing(copy):
    before = {p: p.stat().st_mtime_ns for p in copy.rglob("*")}
    cremad.cremad(DATA, copy, TINY)
    assert {p: p.stat().st_mtime_ns for p in copy.rglob("*")} == before


def test_deleted_and_damaged_files_are_made_again(copy, tiny):
    paths = sorted((copy / "VideoFlash").iterdir())
    paths[0].unlink()
    paths[1].write_bytes(paths[1].read_bytes()[:100])
    (copy / "test.csv").unlink()
    cremad.cremad(DATA, copy, TINY)
    assert contents(copy) == contents(tiny)


def test_an_interrupted_build_is_continued(copy, tiny, monkeypatch):
    path = sorted((copy / "AudioWAV").iterdir())[5]
    path.unlink()

    def stop(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as context:
        context.setattr(cremad.media, "write_wav", stop)
        with pytest.raises(KeyboardInterrupt):
            cremad.cremad(DATA, copy, TINY)
    assert not path.exists()
    (path.parent / ".half.wav.part").write_bytes(b"RIFF")
    cremad.cremad(DATA, copy, TINY)
    assert contents(copy) == contents(tiny)


def test_files_of_another_configuration_go(copy):
    smaller = Miniature(actors=2, clips=36, seed=5)
    cremad.cremad(DATA, copy, smaller)
    assert len(list((copy / "AudioWAV").iterdir())) == 36
    assert official.load(copy).check().total == 36


@pytest.mark.parametrize("name", ["AudioWAV/1091_WSI_SAD_XX.wav", "train.csv", "notes.txt"])
def test_a_real_release_is_refused_untouched(tmp_path, name):
    theirs = tmp_path / "cremad" / name
    theirs.parent.mkdir(parents=True)
    theirs.write_bytes(b"a recording of a person")
    with pytest.raises(folder.NotOurs, match="never overwritten"):
        cremad.cremad(DATA, tmp_path / "cremad", TINY)
    assert contents(tmp_path / "cremad") == {name: b"a recording of a person"}


def test_foreign_files_in_our_folder_are_refused_untouched(copy):
    (copy / "AudioWAV/1091_WSI_SAD_XX.wav").write_bytes(b"a recording of a person")
    before = contents(copy)
    with pytest.raises(folder.NotOurs, match="1091_WSI_SAD_XX"):
        cremad.cremad(DATA, copy, Miniature(actors=2, clips=36, seed=5))
    assert contents(copy) == before


def test_impossible_sizes_say_what_is_possible(tmp_path):
    for config, message in (
        (Miniature(actors=99, clips=960), "24 voices"),
        (Miniature(actors=2, clips=500), "can have 36 to"),
        (Miniature(actors=6, clips=7), "can have 36 to"),
    ):
        with pytest.raises(ValueError, match=message):
            cremad.cremad(DATA, tmp_path / "cremad", config)


def test_missing_sources_name_the_command(tmp_path):
    with pytest.raises(FileNotFoundError, match="dvc pull data.dvc"):
        cremad.cremad(tmp_path, tmp_path / "cremad", TINY)


def test_command_line(tmp_path, capsys, copy, tiny):
    main(["cremad", str(copy), "--actors", "2", "--clips", "36", "--seed", "3"])
    assert contents(copy) == contents(tiny)
    assert json.loads((copy / "build.json").read_text())["config"]["clips"] == 36
    with pytest.raises(SystemExit, match="real release|not found"):
        main(["cremad", str(tmp_path / "empty"), "--profile", "paper"])
    with pytest.raises(SystemExit, match="not one of mini"):
        main(["cremad", str(tmp_path / "empty"), "--profile", "mimi"])


def test_a_piece_of_work_has_clips_of_one_source_and_leaves_no_worker_idle():
    clips = [(source, i) for i in range(30) for source in "ba"]
    pieces = making.pieces_of(clips, lambda clip: clip[0], workers=2)
    assert sorted(sum(pieces, [])) == sorted(clips)
    assert all(len({source for source, _ in piece}) == 1 for piece in pieces)
    assert {len(piece) for piece in pieces} == {3}
    whole = making.pieces_of(range(2_000), lambda clip: "", workers=2)
    assert max(map(len, whole)) == making.CHUNK
