"""The miniature Kinetics-Sounds and VGGSound: official layouts, sounds that tell actions apart."""

import csv
import json
import re
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from PIL import Image
from scipy.signal import butter, correlate, fftconvolve, sosfilt

from companion.data import ks as real_ks
from companion.data import vggsound as real_vggsound
from companion.data.sections import Miniature
from companion.miniature import events, folder, ks, plan, recording, vggsound
from companion.miniature.__main__ import main
from companion.miniature.cremad import cremad
from companion.miniature.scenes import film
from companion.miniature.sounds import mix, waves
from companion.miniature.sounds.instruments import Library

DATA = Path("data")
pytestmark = pytest.mark.skipif(
    not (DATA / "sounds/notes.csv").is_file(), reason="data/ is not pulled: dvc pull data.dvc"
)
SMALL = Miniature(clips=14, seed=4)
KEPT = ("violin", "drums", "basketball")


class Plain:
    """Pictures that cost nothing: a bar as high as the sound is loud, on a colour of the clip."""

    def __init__(self, action, rng):
        self.colour = tuple(int(c) for c in rng.integers(0, 255, 3))

    def frame(self, t, level):
        picture = Image.new("RGB", film.SIZE, self.colour)
        picture.paste((255, 255, 255), (0, 0, 20, 1 + int(100 * level)))
        return picture


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Releases of three classes, drawn plainly."""
    root = tmp_path_factory.mktemp("raw")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recording, "Scene", Plain)
        for module in (ks, vggsound):
            patch.setattr(module, "CLASSES", {name: module.CLASSES[name] for name in KEPT})
        ks.ks(DATA, root / "ks", SMALL)
        vggsound.vggsound(DATA, root / "vggsound", SMALL)
        yield root


@pytest.fixture(scope="module")
def library():
    return Library(DATA / "sounds")


def contents(root: Path) -> dict[str, bytes]:
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in root.rglob("*") if p.is_file()}


def rows(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def test_every_sound_has_its_pictures():
    assert set(mix.ACTIONS) == set(film.ACTIONS)
    assert {*ks.CLASSES, *vggsound.CLASSES} <= set(mix.ACTIONS)


@pytest.mark.parametrize("name", mix.ACTIONS)
def test_an_action_sounds_and_never_twice_alike(library, name):
    one, again, other = (
        mix.action(name, library, plan.generator(seed, name)) for seed in (0, 0, 1)
    )
    assert one.shape == (waves.SAMPLES,) and one.dtype == np.float32
    assert np.isfinite(one).all()
    assert waves.level(one) == pytest.approx(1, rel=1e-3)
    assert (one == again).all()
    assert (one != other).mean() > 0.3


def test_actions_differ_in_their_average_spectrum(library):
    def spectrum(name, seed):
        sound = mix.action(name, library, plan.generator(seed, name, "spectrum"))
        power = np.abs(np.fft.rfft(sound[: 156 * 1024].reshape(156, 1024))).T ** 2
        edges = np.unique(np.geomspace(1, 512, 24).astype(int))
        bands = np.log(np.add.reduceat(power, edges, axis=0) + 1e-9)
        return np.r_[bands.mean(1), bands.std(1)]

    known = {n: np.mean([spectrum(n, s) for s in (0, 1)], 0) for n in mix.ACTIONS}
    right = []
    for name in known:
        new = spectrum(name, 7)
        right.append(min(known, key=lambda n, new=new: np.abs(known[n] - new).sum()) == name)
    assert np.mean(right) > 0.5


def test_a_note_has_the_pitch_that_was_asked_for(library):
    for instrument, variant in (("flute", "concert"), ("violin", "solo"), ("piano", "grand")):
        note = library.note(instrument, variant, 69.0, 1.0)
        power = np.abs(np.fft.rfft(note[1_600:], 2**16))
        near = power[int(300 * 2**16 / 16_000) : int(600 * 2**16 / 16_000)]
        assert 300 + near.argmax() * 16_000 / 2**16 == pytest.approx(440, rel=0.01)


def test_missing_sources_name_the_command(tmp_path):
    for make in (ks.ks, vggsound.vggsound):
        with pytest.raises(FileNotFoundError, match="dvc pull data.dvc"):
            make(tmp_path, tmp_path / "out", Miniature(clips=200))


def test_recorded_sound_stays_within_bounds_and_no_two_clips_share_it(library):
    heard = [mix.perform(c, library, 0)[1] for c in ks.plan(Miniature(clips=520))[:24]]
    for sound in heard:
        assert sound.shape == (waves.SAMPLES,) and sound.dtype == np.float32
        assert np.abs(sound).max() <= 1
        assert sound.std() > 1e-3
    assert len({sound.tobytes() for sound in heard}) == 24


def test_a_short_event_keeps_the_loudest_moment(library):
    clip = next(c for c in vggsound.plan(Miniature(clips=640)) if c.seconds < waves.SECONDS)
    whole = mix.perform(replace(clip, seconds=10.0), library, 0)[0]
    short = mix.perform(clip, library, 0)[0]
    assert np.abs(short).argmax() == np.abs(whole).argmax()
    assert (short != 0).sum() <= (clip.seconds + 0.2) * waves.RATE
    assert waves.level(short) == pytest.approx(1, rel=1e-3)


def test_noise_lies_where_the_plan_says(library):
    clip = replace(ks.plan(Miniature(clips=520))[0], audible=True, other="")
    quiet, loud = (mix.perform(replace(clip, noise=n), library, 0)[1] for n in (60, -20))
    clean = mix.perform(clip, library, 0)[0]

    def alike(sound):
        dry = correlate(clean, sound, mode="full", method="fft").max()
        return dry / np.sqrt((clean**2).sum() * (sound**2).sum())

    assert alike(quiet) > 0.5
    assert alike(loud) < 0.3


def test_a_stroke_between_two_frames_is_seen():
    sound = np.zeros(waves.SAMPLES, np.float32)
    for second in (1.07, 4.13, 7.0):
        sound[int(second * waves.RATE)] = 1
    seen = mix.pulse(sound, 50, 5)
    assert seen.shape == (50,)
    assert seen.min() >= 0 and seen.max() <= 1
    assert {round(i / 5, 1) for i in np.flatnonzero(seen)} >= {1.0, 4.2, 7.0}
    assert (mix.pulse(np.zeros(waves.SAMPLES, np.float32), 50, 5) == 0).all()


@pytest.mark.parametrize("module, clips", [(ks, 520), (vggsound, 640)])
def test_the_plan_keeps_its_proportions_and_its_knobs(module, clips):
    chosen = module.plan(Miniature(clips=clips))
    assert len(chosen) == clips
    assert len({c.youtube for c in chosen}) == len({c.name for c in chosen}) == clips
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{11}", c.youtube) for c in chosen)
    assert [c.name for c in chosen] == sorted(c.name for c in chosen)
    weights = {name: row[1] for name, row in module.CLASSES.items()}
    for name, weight in weights.items():
        own = [c for c in chosen if c.action == name]
        assert abs(len(own) - clips * weight / sum(weights.values())) < 1
        assert sum(c.split == "test" for c in own) == round(events.TEST_SHARE * len(own))
    for clip in chosen:
        assert 0 <= clip.away[0] < clip.away[1] <= 10
        assert clip.action not in (clip.other, clip.elsewhere)
        assert clip.audible or clip.away != (0, 10) or not clip.elsewhere


def test_shares_of_the_plan_are_those_of_the_constants():
    chosen = vggsound.plan(Miniature(clips=4_000, seed=1))
    unseen = [bool(c.elsewhere) and c.away == (0, 10) for c in chosen]
    shares = {
        events.SILENT: np.mean([not c.audible for c in chosen]),
        events.UNSEEN: np.mean(unseen),
        events.UNSEEN + events.CUTAWAY: np.mean([bool(c.elsewhere) for c in chosen]),
        events.SHORT: np.mean([c.seconds < 10 for c in chosen]),
    }
    for wanted, share in shares.items():
        assert share == pytest.approx(wanted, abs=0.025)
    noise = [c.noise for c in chosen]
    assert events.NOISE[0] <= min(noise) < max(noise) <= events.NOISE[1]


def test_another_seed_deals_other_clips():
    one, other = (ks.plan(Miniature(clips=520, seed=seed)) for seed in (0, 1))
    assert [c.name for c in one] != [c.name for c in other]
    assert [c.action for c in one] != [c.action for c in other]


def test_impossible_sizes_say_what_is_possible():
    with pytest.raises(ValueError, match="80 clips are enough"):
        ks.plan(Miniature(clips=60))
    assert min(events.counts({"a": 3, "b": 1}, 16).values()) == 4
    with pytest.raises(ValueError, match="four digits"):
        ks.plan(Miniature(clips=10_000))


def test_the_loaders_of_the_real_releases_read_them(made):
    for module, ours in ((real_ks, ks), (real_vggsound, vggsound)):
        loaded = module.load(made / ours.__name__.rpartition(".")[2])
        report = loaded.check()
        assert report.used == report.total == SMALL.clips
        for part in ("train", "test"):
            assert len({c.label for c in loaded.clips if c.split == part}) == len(KEPT)
        assert len(loaded.waveform(loaded.clips[0], 16_000)) == pytest.approx(160_000, rel=0.01)
        assert loaded.frames(loaded.clips[0], 3, 64).shape == (3, 64, 64, 3)


def test_ks_lists_and_folders_are_those_of_the_published_lists(made):
    ids = {}
    shapes = {"train": r"(.{11})_\d{6}_\d{6}", "test": r"(.{11})_\d+"}
    for split, shape in shapes.items():
        assert (made / f"ks/my_{split}.txt").read_bytes().endswith(b"\r\n")
        listed = rows(made / f"ks/my_{split}.txt")
        assert {(seconds, int(label)) for _, seconds, label in listed} == {
            ("10", ks.CLASSES[name][0]) for name in KEPT
        }
        names = [row[0] for row in listed]
        ids[split] = {re.fullmatch(shape, name)[1] for name in names}
        for kind, suffix in (("video", "mp4"), ("audio", "wav")):
            files = {p.name for p in (made / f"ks/k31/{kind}_{split}").iterdir()}
            assert files == {f"{name}.{suffix}" for name in names}
    assert not ids["train"] & ids["test"]
    assert len(ids["train"] | ids["test"]) == SMALL.clips


def test_ks_lists_look_like_the_real_ones(made):
    real = Path("../shared/data/annotations/ks")
    if not real.is_dir():
        pytest.skip(f"{real} is not here")
    for split, shape in {
        "train": rb"[\w-]{11}_\d{6}_\d{6},10,\d+\r\n",
        "test": rb"[\w-]{11}_\d+,10,\d+\r\n",
    }.items():
        for path in (real / f"my_{split}.txt", made / f"ks/my_{split}.txt"):
            assert re.fullmatch(rb"(?:%b)+" % shape, path.read_bytes())


def test_vggsound_tables_are_quoted_as_the_official_ones(made):
    root = made / "vggsound"
    text = (root / "vggsound.csv").read_text()
    assert ',"playing violin, fiddle",train\n' in text
    assert ",playing drum kit,train\n" in text
    listed = rows(root / "vggsound.csv")
    assert {len(row) for row in listed} == {4}
    assert {row[2] for row in listed} == {vggsound.CLASSES[name][0] for name in KEPT}
    names = {f"{youtube}_{int(start):06d}.mp4" for youtube, start, _, _ in listed}
    assert names == {p.name for p in (root / "video").iterdir()}
    test = {f"{i}_{int(s):06d}.mp4": label for i, s, label, split in listed if split == "test"}
    assert dict(rows(root / "test.csv")) == test
    sizes = {name: int(count) for name, count, _ in rows(root / "stat.csv")}
    assert sum(sizes.values()) == SMALL.clips
    assert list(sizes.values()) == sorted(sizes.values(), reverse=True)


def test_video_holds_ten_seconds_of_picture_and_the_same_sound(made):
    for path in sorted((made / "ks/k31/video_train").iterdir())[:3]:
        wav, rate = soundfile.read(made / f"ks/k31/audio_train/{path.stem}.wav")
        info = soundfile.info(made / f"ks/k31/audio_train/{path.stem}.wav")
        assert (rate, info.channels, info.subtype, len(wav)) == (16_000, 1, "PCM_16", 160_000)
        with av.open(str(path)) as container:
            video, audio = container.streams.video[0], container.streams.audio[0]
            assert (video.codec_context.name, audio.codec_context.name) == ("h264", "aac")
            assert (video.width, video.height) == film.SIZE
            assert (audio.rate, audio.channels) == (16_000, 1)
            assert len(list(container.decode(video))) == 10 * recording.FPS
        with av.open(str(path)) as container:
            heard = np.concatenate([f.to_ndarray()[0] for f in container.decode(audio=0)])
        same = correlate(wav, heard, mode="full", method="fft").max()
        assert same / np.sqrt((wav**2).sum() * (heard**2).sum()) > 0.8


def test_same_bytes_again(made, tmp_path):
    again = vggsound.vggsound(DATA, tmp_path / "again", SMALL)
    assert contents(again) == contents(made / "vggsound")


def test_drawn_pictures_move_with_the_clip_and_cut_away(library):
    clips = vggsound.plan(Miniature(clips=640))
    clip = next(c for c in clips if c.elsewhere and c.away != (0, 10))
    clean, _ = mix.perform(clip, library, 0)
    drawn = [np.asarray(p, float) for p in recording.pictures(clip, clean, 0)]
    assert len(drawn) == 10 * recording.FPS
    steps = [np.abs(a - b).mean() for a, b in zip(drawn, drawn[1:], strict=False)]
    cut = [int(np.ceil(second * recording.FPS)) for second in clip.away]
    assert set(np.argsort(steps)[-2:] + 1) == set(cut)


def test_deleted_and_damaged_files_are_made_again(made, tmp_path):
    before = contents(made / "ks")
    copy = tmp_path / "ks"
    for name, data in before.items():
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        (copy / name).write_bytes(data)
    paths = sorted((copy / "k31/video_test").iterdir())
    paths[0].unlink()
    paths[1].write_bytes(paths[1].read_bytes()[:100])
    next((copy / "k31/audio_train").iterdir()).unlink()
    (copy / "my_test.txt").unlink()
    (copy / "k31/video_train/.half.mp4.part").write_bytes(b"ftyp")
    ks.ks(DATA, copy, SMALL)
    assert contents(copy) == before
    times = {p: p.stat().st_mtime_ns for p in copy.rglob("*")}
    ks.ks(DATA, copy, SMALL)
    assert {p: p.stat().st_mtime_ns for p in copy.rglob("*")} == times


@pytest.mark.parametrize(
    "make, name", [(ks.ks, "my_train.txt"), (vggsound.vggsound, "video/a.mp4")]
)
def test_a_real_release_is_refused_untouched(tmp_path, make, name):
    theirs = tmp_path / "real" / name
    theirs.parent.mkdir(parents=True)
    theirs.write_bytes(b"somebody's video")
    with pytest.raises(folder.NotOurs, match="never overwritten"):
        make(DATA, tmp_path / "real", Miniature(clips=200))
    assert contents(tmp_path / "real") == {name: b"somebody's video"}


def test_command_line(made, capsys, tmp_path):
    out = str(made / "ks")
    main(["ks", out, "--clips", str(SMALL.clips), "--seed", str(SMALL.seed)])
    assert json.loads((made / "ks/build.json").read_text())["config"]["clips"] == SMALL.clips
    with pytest.raises(SystemExit, match="has no actors"):
        main(["vggsound", str(tmp_path / "x"), "--actors", "3"])
    with pytest.raises(SystemExit, match="clips are enough"):
        main(["ks", str(tmp_path / "x"), "--clips", "3"])


def test_cremad_says_that_it_needs_actors(tmp_path):
    with pytest.raises(ValueError, match="set `actors`"):
        cremad(DATA, tmp_path / "x", Miniature(clips=36))


@pytest.mark.parametrize(("low", "high"), [(360, 560), (2_900, 4_500)])
def test_a_resonator_and_an_echo_are_scipys(low, high):
    rng = np.random.default_rng(0)
    sound, echo = rng.normal(size=3_000), rng.normal(size=500)
    band = butter(1, (low, high), "band", fs=waves.RATE, output="sos")
    np.testing.assert_allclose(waves.resonance(sound, low, high), sosfilt(band, sound), atol=1e-12)
    np.testing.assert_allclose(waves.convolved(sound, echo), fftconvolve(sound, echo), atol=1e-12)
