"""The shipped sources in `data/`: complete, small, audible, and what their tables say."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from companion.data.cremad import CLASSES, SENTENCES
from companion.miniature.sounds.voices import NOMINAL, RATE, Sources

DATA = Path("data")
pytestmark = pytest.mark.skipif(
    not (DATA / "cremad/cues.csv").is_file(), reason="data/ is not pulled: dvc pull data.dvc"
)


@pytest.fixture(scope="module")
def sources():
    return Sources(DATA / "cremad")


@pytest.fixture(scope="module")
def spoken(sources):
    """Every take with its level and its timbre, voice by voice: a voice's file is decoded whole."""

    def timbre(speech):
        power = np.abs(np.fft.rfft(speech, 2048)[:1024]) ** 2
        bands = power.reshape(32, 32).sum(1)
        return np.log(bands / bands.sum() + 1e-6)

    takes = sorted(sources.takes, key=lambda take: take.voice)
    sounds = ((take, sources.speech(take)) for take in takes)
    return [(take, np.sqrt(np.mean(speech**2)), timbre(speech)) for take, speech in sounds]


def test_all_of_it_is_small_enough_for_git():
    assert sum(path.stat().st_size for path in DATA.rglob("*") if path.is_file()) <= 10e6


def test_every_take_is_inside_its_file_and_apart_from_the_next(sources):
    for speaker in sources.speakers:
        info = soundfile.info(sources.path(speaker.voice))
        assert (info.samplerate, info.channels) == (RATE, 1)
        own = [take for take in sources.takes if take.voice == speaker.voice]
        places = np.array([(take.start, take.stop) for take in own])
        assert (places[:, 1] - places[:, 0] > RATE // 2).all()
        assert (places[1:, 0] > places[:-1, 1]).all()
        assert places[-1, 1] <= info.frames


def test_takes_are_audible_and_the_gaps_silent(sources):
    own = [take for take in sources.takes if take.voice == sources.speakers[0].voice]
    for take, following in zip(own[:10], own[1:11], strict=True):
        loud = np.sqrt(np.mean(sources.speech(take) ** 2))
        whole = soundfile.read(sources.path(take.voice), dtype="float32")[0]
        gap = whole[take.stop + RATE // 50 : following.start - RATE // 50]
        assert NOMINAL / 10 < loud < 10 * NOMINAL
        assert np.abs(gap).max() < 0.1 * np.abs(sources.speech(take)).max()


def test_every_sentence_is_spoken_with_every_emotion_by_the_same_number_of_voices():
    cues = pd.read_csv(DATA / "cremad/cues.csv")
    table = pd.crosstab(cues.sentence, cues.emotion)
    assert set(table.index) == set(SENTENCES)
    assert set(table.columns) == set(CLASSES)
    assert table.to_numpy().min() == table.to_numpy().max()
    assert not cues.duplicated(["voice", "sentence", "emotion", "level"]).any()


def test_levels_are_those_of_the_release():
    cues = pd.read_csv(DATA / "cremad/cues.csv")
    graded = (cues.sentence == "IEO") & (cues.emotion != "NEU")
    assert set(cues.level[graded]) == {"LO", "MD", "HI"}
    assert set(cues.level[~graded]) == {"XX"}


def test_emotions_are_acted_through_rate_and_energy(spoken):
    # Scherer 2003: anger is loud, sadness soft; disgust and sadness slow, fear fast.
    rows = [(take.emotion, (take.stop - take.start) / RATE, level) for take, level, _ in spoken]
    mean = pd.DataFrame(rows, columns=["emotion", "seconds", "level"]).groupby("emotion").mean()
    assert mean.level["ANG"] > mean.level["NEU"] > mean.level["SAD"]
    assert min(mean.seconds["SAD"], mean.seconds["DIS"]) > mean.seconds["NEU"]
    assert mean.seconds["FEA"] < mean.seconds["NEU"]


def test_voices_are_different_people(sources, spoken):
    # A nearest mean on the average spectrum tells most of 24 voices apart; chance is 1 / 24.
    neutral = [(take.voice, timbre) for take, _, timbre in spoken if take.emotion == "NEU"]
    names = [speaker.voice for speaker in sources.speakers]
    assert len(names) >= 12
    known, asked = neutral[::2], neutral[1::2]
    means = np.array([np.mean([t for voice, t in known if voice == n], axis=0) for n in names])
    guessed = [names[((means - timbre) ** 2).sum(1).argmin()] for _, timbre in asked]
    right = np.mean([guess == voice for guess, (voice, _) in zip(guessed, asked, strict=True)])
    assert right > 8 / 24


def test_licence_of_every_engine_is_written_down():
    text = (DATA / "LICENSES.md").read_text(encoding="utf-8").lower()
    engines = pd.read_csv(DATA / "cremad/voices.csv").engine.unique()
    assert all(engine.replace("-", " ") in text.replace("-", " ") for engine in engines)


def test_published_tables_are_there():
    assert {path.name for path in (DATA / "paper").glob("*.csv")} == {
        "table1.csv",
        "table2.csv",
        "table3.csv",
    }
