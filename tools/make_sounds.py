"""Make `data/sounds/`: single notes of nine instruments, from a free sampled soundfont.

Run once, by hand, in the root of the repository; kept so that everyone can see how the shipped
sources came to be. The pipeline never runs it: `data.dvc` tracks what it made. It needs fluidsynth,
fluid-soundfont-gm and opus-tools, as in Debian 12:

    python tools/make_sounds.py data

Only notes are kept, each struck or blown alone; `companion.miniature.sounds.music` plays melodies,
chords and rhythms on them. Sounds that are no instrument are made by rule in
`companion.miniature.sounds`, without a source.
"""

import argparse
import csv
import shutil
import struct
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from joblib import Parallel, delayed
from scipy.signal import resample_poly

SOUNDFONT = Path("/usr/share/sounds/sf2/FluidR3_GM.sf2")
RATE, RENDERED = 16_000, 48_000
GAP = RATE // 20
KBIT = "26"
# A slot of the MIDI file: longer than any note with its release, so that notes never overlap.
SLOT = 4.5


@dataclass(frozen=True)
class Variant:
    """One instrument of the soundfont.

    Attributes:
        instrument: name of the action that it is played in.
        name: of this instrument among those of the same action.
        bank, program: General MIDI, counted from 0; bank 128 are drum kits.
        pitches: MIDI notes; for a kit, pieces of it.
        hold: seconds until the key is released.
        keep: seconds that are kept at most.
        velocity: 1 to 127; samples of hard and soft notes differ.
    """

    instrument: str
    name: str
    bank: int
    program: int
    pitches: tuple[int, ...]
    hold: float
    keep: float
    velocity: int = 100


HIGH = (55, 60, 65, 70, 75, 80, 86)
BRASS = (54, 59, 64, 69, 74, 79)
WIND = (60, 65, 70, 75, 80, 86, 92)
STRINGS = (40, 45, 50, 55, 60, 65, 70)
KEYS = (36, 43, 50, 56, 62, 68, 74, 80, 86)
BUTTONS = (43, 49, 55, 61, 67, 73, 79, 85)
PIPES = (36, 42, 48, 54, 60, 66, 72, 78)
BARS = (53, 59, 65, 71, 77, 83, 89, 95)
# Bass drum, side stick, snare, closed hat, low tom, open hat, middle tom, crash, high tom, ride.
KIT = (36, 37, 38, 42, 45, 46, 47, 49, 50, 51)

VARIANTS = [
    Variant("violin", "solo", 0, 40, HIGH, 1.9, 2.0),
    Variant("violin", "fiddle", 0, 110, HIGH, 1.9, 2.0),
    Variant("violin", "viola", 0, 41, HIGH, 1.9, 2.0),
    Variant("guitar", "nylon", 0, 24, STRINGS, 1.8, 1.9),
    Variant("guitar", "steel", 0, 25, STRINGS, 1.8, 1.9),
    Variant("guitar", "twelve", 8, 25, STRINGS, 1.8, 1.9),
    Variant("piano", "grand", 0, 0, KEYS, 1.5, 1.6),
    Variant("piano", "bright", 0, 1, KEYS, 1.5, 1.6),
    Variant("piano", "honkytonk", 0, 3, KEYS, 1.5, 1.6),
    Variant("trumpet", "loud", 0, 56, BRASS, 1.7, 1.8, 120),
    Variant("trumpet", "soft", 0, 56, BRASS, 1.7, 1.8, 60),
    Variant("trumpet", "muted", 0, 59, BRASS, 1.7, 1.8),
    Variant("accordion", "french", 0, 21, BUTTONS, 1.7, 1.8),
    Variant("accordion", "bandoneon", 0, 23, BUTTONS, 1.7, 1.8),
    Variant("accordion", "italian", 8, 21, BUTTONS, 1.7, 1.8),
    Variant("xylophone", "xylophone", 0, 13, BARS, 0.6, 0.8),
    Variant("xylophone", "marimba", 0, 12, BARS, 0.6, 0.8),
    Variant("flute", "concert", 0, 73, WIND, 1.7, 1.8),
    Variant("flute", "piccolo", 0, 72, WIND, 1.7, 1.8),
    Variant("flute", "pan", 0, 75, WIND, 1.7, 1.8),
    Variant("organ", "church", 0, 19, PIPES, 2.4, 2.6),
    Variant("organ", "cathedral", 8, 19, PIPES, 2.4, 2.6),
    Variant("organ", "drawbar", 0, 16, PIPES, 2.0, 2.1),
    Variant("drums", "standard", 128, 0, KIT, 0.5, 1.2),
    Variant("drums", "room", 128, 8, KIT, 0.5, 1.2),
    Variant("drums", "power", 128, 16, KIT, 0.5, 1.2),
    Variant("drums", "jazz", 128, 32, KIT, 0.5, 1.2),
    Variant("drums", "brush", 128, 40, KIT, 0.5, 1.2),
]


def midi(variant: Variant) -> bytes:
    """Return a MIDI file that plays each pitch once, `SLOT` seconds apart, 1,000 ticks a second."""
    channel = 9 if variant.bank == 128 else 0
    # Bank select reaches the percussion channel too, but there the program alone chooses the kit.
    bank = 0 if channel else variant.bank
    events = [
        (0, bytes((0xB0 | channel, 0, bank))),
        (0, bytes((0xC0 | channel, variant.program))),
    ]
    for i, pitch in enumerate(variant.pitches):
        start = round(1000 * SLOT * i)
        events.append((start, bytes((0x90 | channel, pitch, variant.velocity))))
        events.append((start + round(1000 * variant.hold), bytes((0x80 | channel, pitch, 0))))
    events.append((round(1000 * SLOT * len(variant.pitches)), b"\xff\x2f\x00"))
    track, now = b"\x00\xff\x51\x03" + (500_000).to_bytes(3, "big"), 0
    for tick, event in sorted(events, key=lambda pair: pair[0]):
        track += _variable(tick - now) + event
        now = tick
    head = b"MThd" + struct.pack(">IHHH", 6, 0, 1, 500)
    return head + b"MTrk" + struct.pack(">I", len(track)) + track


def _variable(value: int) -> bytes:
    """Return the variable-length number of the MIDI format: 7 bits a byte, highest first."""
    parts = [value & 0x7F]
    while value := value >> 7:
        parts.append(0x80 | value & 0x7F)
    return bytes(reversed(parts))


def render(variant: Variant, folder: Path) -> list[np.ndarray]:
    """Play a variant dry, without the synthesizer's reverb and chorus.

    Returns:
        One note per pitch, `(samples,)` float32 at 16 kHz, silence at both ends removed.
    """
    score = folder / f"{variant.instrument}-{variant.name}.mid"
    score.write_bytes(midi(variant))
    wav = score.with_suffix(".wav")
    style = ("-o", "synth.midi-bank-select=gs")
    dry = ("-R", "0", "-C", "0", "-g", "0.6", "-r", str(RENDERED))
    _run("fluidsynth", "-ni", *dry, *style, "-F", wav, SOUNDFONT, score)
    sound, rate = soundfile.read(wav, dtype="float64", always_2d=True)
    wav.unlink()
    mono = resample_poly(sound.mean(1), RATE, rate)
    slot = round(SLOT * RATE)
    notes = [mono[i * slot : (i + 1) * slot] for i in range(len(variant.pitches))]
    loudest = max(np.abs(note).max() for note in notes)
    return [_trim(note, loudest, variant) for note in notes]


def _trim(note: np.ndarray, loudest: float, variant: Variant) -> np.ndarray:
    """Cut silence and fade out; a note of a melody is as loud as its neighbours."""
    peak = np.abs(note).max()
    if peak < 1e-3 * loudest:
        raise RuntimeError(f"{variant.instrument}/{variant.name} has a silent note")
    heard = np.flatnonzero(np.abs(note) > 0.01 * peak)
    start = max(0, heard[0] - RATE // 200)
    stop = min(heard[-1] + 1, start + round(variant.keep * RATE))
    note = note[start:stop] / (loudest if variant.bank == 128 else peak)
    fade = min(len(note) // 4, RATE // 16)
    note[-fade:] *= np.linspace(1, 0, fade) ** 2
    return (0.8 * note).astype(np.float32)


def _run(*command: object) -> None:
    subprocess.run([str(part) for part in command], check=True, capture_output=True)


def write_instrument(instrument: str, out: Path) -> list[dict]:
    """Write all notes of an instrument into one Ogg Opus file.

    Returns:
        Rows of the cue sheet: variant, pitch, and where the note stands, in samples.
    """
    rows, parts, place = [], [], 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for variant in (v for v in VARIANTS if v.instrument == instrument):
            for pitch, note in zip(variant.pitches, render(variant, folder), strict=True):
                rows.append(
                    {"instrument": instrument, "variant": variant.name, "pitch": pitch}
                    | {"start": place, "stop": place + len(note)}
                )
                parts += [note, np.zeros(GAP, np.float32)]
                place += len(note) + GAP
        whole = folder / "whole.wav"
        soundfile.write(whole, np.concatenate(parts), RATE, subtype="PCM_16")
        target = out / f"{instrument}.opus"
        # The serial number and the encoder's name are all that would differ between two runs.
        _run("opusenc", "--quiet", "--bitrate", KBIT, "--serial", "1", whole, target)
    if soundfile.info(target).frames < place - GAP:
        raise RuntimeError(f"{target} is shorter than its cue sheet")
    return rows


def main() -> None:
    """Write sounds/*.opus, sounds/notes.csv and LICENSES.md."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args()
    sounds = args.out / "sounds"
    sounds.mkdir(parents=True, exist_ok=True)
    instruments = list(dict.fromkeys(variant.instrument for variant in VARIANTS))
    sheets = Parallel(args.workers)(delayed(write_instrument)(i, sounds) for i in instruments)
    with (sounds / "notes.csv").open("w", encoding="utf-8", newline="") as file:
        fields = ["instrument", "variant", "pitch", "start", "stop"]
        writer = csv.DictWriter(file, fields, lineterminator="\n")
        writer.writeheader()
        for sheet in sheets:
            writer.writerows(sheet)
    shutil.copyfile(Path(__file__).with_name("sources_licenses.md"), args.out / "LICENSES.md")


if __name__ == "__main__":
    main()
