"""Make `data/`: acted speech of the 12 CREMA-D sentences in 24 synthetic voices.

Run once, by hand, in the root of the repository; kept so that everyone can see how the shipped
sources came to be. The pipeline never runs it: `data.dvc` tracks what it made. It needs espeak-ng,
festival (voices kallpc16k, kdlpc16k), flite and opus-tools, as in Debian 12:

    python tools/make_sources.py data --paper ../shared/paper

An emotion is a point in the space of vocal cues that the literature measured (Scherer 2003; Juslin
and Laukka 2003): speech rate, mean and range of pitch, slope of the spectrum, energy, pauses,
tremor, breath, length of the vocal tract. A voice has its own way of moving there, a take misses
the point by some distance, so the emotions overlap as those of people do.
"""

import argparse
import csv
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from joblib import Parallel, delayed
from scipy.signal import butter, resample_poly, sosfilt

RATE = 16_000
SEED = 20240803
TAKES_PER_EMOTION = 7
GAP = RATE // 10
BITRATE = "22"

# Text, and the word after which a hesitant speaker pauses.
SENTENCES = {
    "IEO": ("It's eleven o'clock.", "It's"),
    "TIE": ("That is exactly what happened.", "exactly"),
    "IOM": ("I'm on my way to the meeting.", "way"),
    "IWW": ("I wonder what this is about.", "wonder"),
    "TAI": ("The airplane is almost full.", "airplane"),
    "MTI": ("Maybe tomorrow it will be cold.", "tomorrow"),
    "IWL": ("I would like a new alarm clock.", "like"),
    "ITH": ("I think I have a doctor's appointment.", "think"),
    "DFA": ("Don't forget a jacket.", "forget"),
    "ITS": ("I think I've seen this before.", "think"),
    "TSI": ("The surface is slick.", "surface"),
    "WSI": ("We'll stop in a couple of minutes.", "stop"),
}

CUES = ("rate", "pitch", "range", "slope", "energy", "pause", "tremor", "breath", "tract")
# Distance from neutral at full intensity. rate: log2; pitch: semitones; range: log2; slope: dB per
# octave above 500 Hz; energy: dB; pause, tremor, breath: 0 to 1; tract: semitones of all formants,
# which a smile raises and protruded lips lower (Tartter and Braun 1994).
EMOTIONS = {
    "ANG": (0.22, 1.5, 0.4, 4.5, 9.0, 0.0, 0.0, 0.0, 0.0),
    "DIS": (-0.42, -2.0, 0.2, 1.0, 0.0, 0.6, 0.0, 0.0, -0.8),
    "FEA": (0.36, 5.5, -0.6, -1.5, -1.0, 0.2, 1.0, 0.6, 0.2),
    "HAP": (0.10, 6.0, 1.4, 1.8, 4.0, 0.0, 0.0, 0.0, 1.8),
    "NEU": (0.00, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
    "SAD": (-0.32, -2.5, -0.9, -4.5, -7.0, 0.5, 0.2, 0.7, -0.4),
}
# Standard deviations: of a voice's own way with one emotion, of one take.
OF_VOICE = np.array((0.03, 0.4, 0.12, 0.3, 0.6, 0.08, 0.05, 0.05, 0.15))
OF_TAKE = np.array((0.05, 0.6, 0.15, 0.4, 0.8, 0.10, 0.06, 0.06, 0.20))
INTENSITY = {"LO": (0.50, 0.75), "MD": (0.80, 1.05), "HI": (1.10, 1.40), "XX": (0.80, 1.30)}


@dataclass(frozen=True)
class Voice:
    """One speaker; `pitch` is Hz for flite and festival, 0 to 99 for espeak-ng."""

    name: str
    engine: str
    model: str
    pitch: float
    speed: float
    sex: str
    age: int


ESPEAK = [
    Voice("alan", "espeak-ng", "en-gb-x-rp+m3", 45, 165, "Male", 47),
    Voice("bruce", "espeak-ng", "en-us+travis", 50, 170, "Male", 34),
    Voice("carl", "espeak-ng", "en-us+announcer", 40, 160, "Male", 58),
    Voice("dylan", "espeak-ng", "en-gb+Lee", 55, 178, "Male", 26),
    Voice("ewan", "espeak-ng", "en-gb-scotland+benjamin", 50, 168, "Male", 39),
    Voice("frank", "espeak-ng", "en-gb-x-gbcwmd+m8", 42, 158, "Male", 63),
    Voice("gino", "espeak-ng", "en-us-nyc+Storm", 52, 175, "Male", 31),
    Voice("henry", "espeak-ng", "en-gb-x-gbclan+m7", 60, 170, "Male", 22),
    Voice("ivo", "espeak-ng", "en-us+klatt3", 48, 162, "Male", 52),
    Voice("joan", "espeak-ng", "en-us+Alicia", 45, 172, "Female", 24),
    Voice("kate", "espeak-ng", "en-gb+aunty", 45, 160, "Female", 55),
    Voice("lucy", "espeak-ng", "en-gb-x-rp+belinda", 50, 170, "Female", 29),
    Voice("mary", "espeak-ng", "en-us+grandma", 40, 150, "Female", 71),
    Voice("nina", "espeak-ng", "en-us-nyc+Annie", 52, 176, "Female", 21),
    Voice("olive", "espeak-ng", "en-gb-scotland+f5", 50, 166, "Female", 36),
    Voice("paula", "espeak-ng", "en-029+Andrea", 48, 165, "Female", 43),
    Voice("queenie", "espeak-ng", "en-gb-x-gbclan+f1", 40, 168, "Female", 49),
    Voice("rosa", "espeak-ng", "en-us+anika", 50, 158, "Female", 27),
    Voice("sheila", "espeak-ng", "en-gb-x-gbcwmd+shelby", 47, 172, "Female", 38),
]
OTHERS = [
    Voice("tam", "flite", "awb", 128, 1.0, "Male", 33),
    Voice("umar", "flite", "rms", 95, 1.0, "Male", 45),
    Voice("vera", "flite", "slt", 176, 1.0, "Female", 30),
    Voice("walt", "festival", "kal_diphone", 105, 0.95, "Male", 41),
    Voice("xander", "festival", "ked_diphone", 118, 0.95, "Male", 28),
]
VOICES = ESPEAK + OTHERS


@dataclass(frozen=True)
class Take:
    """One performance; `cues` in the order of `CUES`."""

    voice: Voice
    sentence: str
    emotion: str
    level: str
    cues: tuple[float, ...]
    seed: int


def plan(rng: np.random.Generator) -> list[Take]:
    """Spread each (sentence, emotion) over the voices: 14 of 24 voices perform each of the 72."""
    takes = []
    orders = {emotion: rng.permutation(list(SENTENCES)) for emotion in EMOTIONS}
    for v, voice in enumerate(VOICES):
        for e, (emotion, centre) in enumerate(EMOTIONS.items()):
            habit = rng.normal(0, OF_VOICE) * (emotion != "NEU")
            expressive = rng.uniform(0.75, 1.2)
            for k in range(TAKES_PER_EMOTION):
                sentence = str(orders[emotion][(TAKES_PER_EMOTION * v + k) % len(SENTENCES)])
                level = ("LO", "MD", "HI")[(v + e) % 3]
                if sentence != "IEO" or emotion == "NEU":
                    level = "XX"
                strength = expressive * rng.uniform(*INTENSITY[level])
                cues = strength * np.array(centre) + habit + rng.normal(0, OF_TAKE)
                seed = int(rng.integers(2**31))
                takes.append(Take(voice, sentence, emotion, level, tuple(cues.tolist()), seed))
    return takes


def perform(take: Take, folder: Path) -> np.ndarray:
    """Speak a take: rate, pitch and range by the engine, the other cues by filters.

    Returns:
        `(samples,)` float32 at 16 kHz, silence at both ends removed.
    """
    cue = dict(zip(CUES, take.cues, strict=True))
    rng = np.random.default_rng(take.seed)
    text, word = SENTENCES[take.sentence]
    if rng.random() < cue["pause"]:
        text = text.replace(word, f"{word},", 1)
    path = folder / f"{take.seed}.wav"
    # Resampling moves formants, pitch and rate together; the engine takes back the last two.
    tract = 2 ** (np.clip(cue["tract"], -2.5, 2.5) / 12)
    cue["pitch"] -= 12 * np.log2(tract)
    cue["rate"] -= np.log2(tract)
    {"espeak-ng": _espeak, "flite": _flite, "festival": _festival}[take.voice.engine](
        take.voice, text, cue, path
    )
    sound, rate = soundfile.read(path, dtype="float64")
    path.unlink()
    sound = resample_poly(sound, RATE, rate) if rate != RATE else sound
    sound = _trim(sound)
    sound = np.interp(np.arange(0, len(sound) - 1, tract), np.arange(len(sound)), sound)
    sound = _tremble(sound, np.clip(cue["tremor"], 0, 1), rng)
    sound = _breathe(sound, np.clip(cue["breath"], 0, 1), rng)
    sound = _tilt(sound, np.clip(cue["slope"], -6, 6))
    sound *= 0.06 * 10 ** (cue["energy"] / 20) / np.sqrt(np.mean(sound**2))
    return (0.95 * np.tanh(sound / 0.95)).astype(np.float32)


def _espeak(voice: Voice, text: str, cue: dict, path: Path) -> None:
    # espeak-ng doubles the pitch from 50 to 100, so a semitone is 50 / 12 of its steps.
    pitch = np.clip(voice.pitch + cue["pitch"] * 50 / 12, 0, 99)
    span = np.clip(2 ** cue["range"], 0.3, 2.5)
    ssml = f'<speak><prosody range="{100 * span:.0f}%">{text}</prosody></speak>'
    speed = f"{voice.speed * 2 ** cue['rate']:.0f}"
    _run("espeak-ng", "-v", voice.model, "-m", "-p", f"{pitch:.0f}", "-s", speed, "-w", path, ssml)


def _flite(voice: Voice, text: str, cue: dict, path: Path) -> None:
    mean, span = voice.pitch * 2 ** (cue["pitch"] / 12), 0.12 * np.clip(2 ** cue["range"], 0.3, 2.5)
    options = {
        "duration_stretch": voice.speed / 2 ** cue["rate"],
        "int_f0_target_mean": mean,
        "int_f0_target_stddev": span * mean,
    }
    sets = [item for k, v in options.items() for item in ("--setf", f"{k}={v:.3f}")]
    _run("flite", "-voice", voice.model, *sets, "-t", text, "-o", path)


def _festival(voice: Voice, text: str, cue: dict, path: Path) -> None:
    mean, span = voice.pitch * 2 ** (cue["pitch"] / 12), 0.13 * np.clip(2 ** cue["range"], 0.3, 2.5)
    script = path.with_suffix(".scm")
    script.write_text(
        f"(voice_{voice.model})\n"
        f"(Parameter.set 'Duration_Stretch {voice.speed / 2 ** cue['rate']:.3f})\n"
        f"(set! int_lr_params '((target_f0_mean {mean:.1f}) (target_f0_std {span * mean:.1f})"
        " (model_f0_mean 170) (model_f0_std 34)))\n"
        f'(utt.save.wave (utt.synth (Utterance Text "{text}")) "{path}" \'riff)\n'
    )
    _run("festival", "-b", script)
    script.unlink()


def _run(*command: object) -> None:
    subprocess.run([str(part) for part in command], check=True, capture_output=True)


def _trim(sound: np.ndarray) -> np.ndarray:
    loud = np.flatnonzero(np.abs(sound) > 0.02 * np.abs(sound).max())
    start, stop = max(loud[0] - RATE // 50, 0), loud[-1] + RATE // 20
    return sound[start:stop]


def _tremble(sound: np.ndarray, amount: float, rng: np.random.Generator) -> np.ndarray:
    """Shake pitch (by up to 3 %) and loudness at 5 to 8 Hz."""
    hertz = rng.uniform(5, 8)
    time = np.arange(len(sound)) / RATE
    wobble = np.sin(2 * np.pi * hertz * time + rng.uniform(0, 2 * np.pi))
    delay = amount * 0.03 / (2 * np.pi * hertz) * wobble
    shaken = np.interp(time + delay, time, sound)
    return shaken * (1 + 0.4 * amount * np.roll(wobble, RATE // 40))


def _breathe(sound: np.ndarray, amount: float, rng: np.random.Generator) -> np.ndarray:
    """Add noise above 1.5 kHz that follows the voice's loudness."""
    noise = sosfilt(butter(2, 1500, "highpass", fs=RATE, output="sos"), rng.normal(size=len(sound)))
    loudness = sosfilt(butter(1, 12, fs=RATE, output="sos"), np.abs(sound))
    return sound + 0.35 * amount * loudness * noise


def _tilt(sound: np.ndarray, slope: float) -> np.ndarray:
    """Turn the spectrum by `slope` dB per octave above 500 Hz; a tense voice is bright."""
    spectrum = np.fft.rfft(sound)
    octaves = np.log2(np.maximum(np.fft.rfftfreq(len(sound), 1 / RATE), 500) / 500)
    return np.fft.irfft(spectrum * 10 ** (slope * np.minimum(octaves, 3) / 20), len(sound))


def write_voice(voice: Voice, takes: list[Take], out: Path) -> list[dict]:
    """Write all takes of a voice into one Ogg Opus file and return their cue sheet."""
    rows, parts, place = [], [], 0
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        for take in takes:
            sound = perform(take, folder)
            rows.append(
                {"voice": voice.name, "sentence": take.sentence, "emotion": take.emotion}
                | {"level": take.level, "start": place, "stop": place + len(sound)}
            )
            parts += [sound, np.zeros(GAP, np.float32)]
            place += len(sound) + GAP
        whole = folder / "whole.wav"
        soundfile.write(whole, np.concatenate(parts), RATE, subtype="PCM_16")
        target = out / f"{voice.name}.opus"
        # The serial number and the encoder's name are all that would differ between two runs.
        _run("opusenc", "--quiet", "--bitrate", BITRATE, "--serial", "1", whole, target)
    if soundfile.info(target).frames < place - GAP:
        raise RuntimeError(f"{target} is shorter than its cue sheet")
    return rows


def described(voice: Voice) -> dict:
    """Return the voice's row of voices.csv."""
    known = {"voice": voice.name, "engine": voice.engine, "description": voice.model}
    return known | {"sex": voice.sex, "age": voice.age}


def write_csv(path: Path, rows: list[dict]) -> None:
    """Write dictionaries of the same keys, with their header."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def main() -> None:
    """Write speech/, cues.csv, voices.csv, sentences.csv, LICENSES.md and paper/."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--paper", type=Path, help="folder of the published numbers, table*.csv")
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args()
    speech = args.out / "cremad" / "speech"
    speech.mkdir(parents=True, exist_ok=True)
    takes = plan(np.random.default_rng(SEED))
    sheets = Parallel(args.workers)(
        delayed(write_voice)(voice, [t for t in takes if t.voice == voice], speech)
        for voice in VOICES
    )
    write_csv(speech.parent / "cues.csv", [row for sheet in sheets for row in sheet])
    write_csv(speech.parent / "voices.csv", [described(voice) for voice in VOICES])
    write_csv(
        speech.parent / "sentences.csv",
        [{"sentence": name, "text": text} for name, (text, _) in SENTENCES.items()],
    )
    shutil.copyfile(Path(__file__).with_name("sources_licenses.md"), args.out / "LICENSES.md")
    if args.paper:
        (args.out / "paper").mkdir(exist_ok=True)
        for table in sorted(args.paper.glob("table*.csv")):
            shutil.copyfile(table, args.out / "paper" / table.name)


if __name__ == "__main__":
    main()
