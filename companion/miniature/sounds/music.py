"""Music of ten seconds: what each instrument plays, from single notes."""

from collections.abc import Callable

import numpy as np

from companion.miniature.sounds.instruments import Library
from companion.miniature.sounds.waves import SAMPLES, SECONDS, place

# Semitones above the tonic.
SCALES = (
    (0, 2, 4, 5, 7, 9, 11),
    (0, 2, 3, 5, 7, 8, 10),
    (0, 2, 4, 7, 9),
    (0, 3, 5, 7, 10),
    (0, 2, 3, 5, 7, 9, 10),
)
# Lengths of notes in beats, a bar of four each.
RHYTHMS = (
    (1, 1, 1, 1),
    (2, 1, 1),
    (1.5, 0.5, 1, 1),
    (0.5, 0.5, 1, 0.5, 0.5, 1),
    (3, 1),
    (0.5,) * 8,
    (1, 0.5, 0.5, 2),
)
PROGRESSIONS = ((0, 3, 4, 0), (0, 5, 3, 4), (0, 4, 5, 3), (0, 0, 3, 4), (5, 3, 0, 4))

KICK, STICK, SNARE, CLOSED, LOW, OPEN, MIDDLE, CRASH, HIGH, RIDE = (
    36, 37, 38, 42, 45, 46, 47, 49, 50, 51,
)  # fmt: skip


class Player:
    """One musician in one clip: instrument, tuning, tempo, scale, and the track that is played.

    Args:
        library: the shipped notes.
        instrument: as in `library`.
        rng: of this clip alone.
        tonic: lowest and highest MIDI note that the scale may start on.
        tempo: slowest and fastest, beats a minute.
    """

    def __init__(
        self,
        library: Library,
        instrument: str,
        rng: np.random.Generator,
        tonic: tuple[int, int],
        tempo: tuple[float, float],
    ):
        self.library, self.instrument, self.rng = library, instrument, rng
        self.variant = str(rng.choice(library.variants(instrument)))
        self.tonic = int(rng.integers(tonic[0], tonic[1] + 1)) + rng.normal(0, 0.12)
        self.beat = 60 / rng.uniform(*tempo)
        self.scale = SCALES[rng.integers(len(SCALES))]
        self.track = np.zeros(SAMPLES, np.float32)

    def pitch(self, degree: int) -> float:
        """Return the MIDI note of a degree of the scale, 0 the tonic; below 0 goes below it."""
        octave, step = divmod(degree, len(self.scale))
        return self.tonic + 12 * octave + self.scale[step]

    def play(self, pitch: float, at: float, seconds: float, gain: float = 1.0) -> None:
        """Play a note at `at` seconds, a little early or late, as hands do."""
        sound = self.library.note(self.instrument, self.variant, pitch, seconds)
        place(self.track, sound, at + self.rng.normal(0, 0.008), gain * self.rng.uniform(0.75, 1.1))

    def melody(self, degrees: tuple[int, int], legato: float, rest: float, gain: float = 1.0):
        """Walk over the scale in one voice.

        Args:
            degrees: lowest and highest.
            legato: share of a note's time that it sounds.
            rest: chance that a note is a rest.
            gain: of the voice.
        """
        rng, now = self.rng, self.rng.uniform(0, 0.6)
        degree = int(rng.integers(degrees[0], degrees[1] + 1))
        rhythms = [RHYTHMS[i] for i in rng.choice(len(RHYTHMS), 2, replace=False)]
        while now < SECONDS:
            for beats in rhythms[rng.integers(2)]:
                if rng.random() > rest:
                    self.play(self.pitch(degree), now, legato * beats * self.beat, gain)
                now += beats * self.beat
                degree += int(rng.choice((-3, -2, -1, -1, 0, 1, 1, 2, 4)))
                degree = min(max(degree, degrees[0]), degrees[1])

    def chords(self, beats: float, comp: Callable, shift: int = 0) -> None:
        """Go round a progression; `comp(at, seconds, pitches)` plays each chord."""
        roots = PROGRESSIONS[self.rng.integers(len(PROGRESSIONS))]
        now, i = self.rng.uniform(0, 0.6), 0
        while now < SECONDS:
            root = roots[i % len(roots)]
            seconds = beats * self.beat
            comp(now, seconds, [self.pitch(root + k) + shift for k in (0, 2, 4)])
            now, i = now + seconds, i + 1


def violin(library: Library, rng: np.random.Generator) -> np.ndarray:
    """Bowed melody, sometimes with a second string."""
    player = Player(library, "violin", rng, (57, 68), (60, 132))
    player.melody((0, 9), rng.uniform(0.8, 1.05), 0.08)
    if rng.random() < 0.35:
        player.melody((-3, 3), 1.0, 0.3, 0.6)
    return player.track


def flute(library: Library, rng: np.random.Generator) -> np.ndarray:
    """Blown melody with breaths."""
    player = Player(library, "flute", rng, (65, 77), (60, 126))
    player.melody((0, 9), rng.uniform(0.7, 1.0), 0.15)
    return player.track


def trumpet(library: Library, rng: np.random.Generator) -> np.ndarray:
    """Melody or fanfare: repeated notes of a chord."""
    player = Player(library, "trumpet", rng, (55, 65), (70, 140))
    if rng.random() < 0.5:
        player.melody((0, 8), rng.uniform(0.6, 0.95), 0.15)
        return player.track
    now = rng.uniform(0, 0.5)
    while now < SECONDS:
        degree = int(rng.choice((0, 2, 4, 7)))
        for length in (0.33, 0.33, 0.34, rng.choice((1, 2, 3))):
            player.play(player.pitch(degree), now, 0.85 * length * player.beat)
            now += length * player.beat
        now += rng.choice((0, 0, 1)) * player.beat
    return player.track


def guitar(library: Library, rng: np.random.Generator) -> np.ndarray:
    """Strummed chords or broken ones, sometimes a melody over them."""
    player = Player(library, "guitar", rng, (43, 52), (66, 126))
    strummed = rng.random() < 0.5
    delay = rng.uniform(0.012, 0.035)

    def strum(at, seconds, pitches):
        strings = [pitches[0], *(p + 12 for p in pitches), pitches[0] + 24]
        for half in range(max(1, round(2 * seconds / player.beat))):
            order = strings if half % 2 == 0 else strings[:1:-1]
            for i, pitch in enumerate(order):
                start = at + half * player.beat / 2 + i * delay
                player.play(pitch, start, 0.55 * player.beat, 0.4)

    def pick(at, seconds, pitches):
        strings = [pitches[0], pitches[1] + 12, pitches[2] + 12, pitches[0] + 24]
        order = (0, 1, 2, 3, 2, 1, 2, 1)
        for i in range(max(1, round(2 * seconds / player.beat))):
            player.play(strings[order[i % 8]], at + i * player.beat / 2, 1.6 * player.beat, 0.7)

    player.chords(rng.choice((2, 4)), strum if strummed else pick)
    if rng.random() < 0.3:
        player.melody((7, 14), 0.9, 0.2, 0.8)
    return player.track


def piano(library: Library, rng: np.random.Generator) -> np.ndarray:
    """Right hand melody, left hand chords or broken chords."""
    player = Player(library, "piano", rng, (43, 54), (66, 144))
    broken = rng.random() < 0.6

    def left(at, seconds, pitches):
        if broken:
            for i in range(max(1, round(2 * seconds / player.beat))):
                player.play(pitches[(0, 2, 1, 2)[i % 4]], at + i * player.beat / 2, 0.8, 0.5)
        else:
            for pitch in (pitches[0] - 12, *pitches):
                player.play(pitch, at, min(seconds, 1.5), 0.5)

    player.chords(rng.choice((2, 4)) if broken else rng.choice((1, 2, 4)), left)
    player.melody((7, 18), 1.0, 0.1)
    return player.track


def accordion(library: Library, rng: np.random.Generator) -> np.ndarray:
    """Reeds: bass and chords in turn (a waltz or a march), melody above, the bellows' swell."""
    player = Player(library, "accordion", rng, (45, 54), (96, 168))
    bar = int(rng.choice((2, 3)))

    def bass(at, seconds, pitches):
        player.play(pitches[0], at, 0.7 * player.beat, 0.6)
        for k in range(1, bar):
            for pitch in pitches:
                player.play(pitch + 12, at + k * player.beat, 0.35 * player.beat, 0.3)

    player.chords(bar, bass)
    player.melody((9, 17), 0.95, 0.08)
    bellows = 1 + 0.3 * np.sin(2 * np.pi * rng.uniform(0.25, 0.6) * np.arange(SAMPLES) / 16_000)
    return player.track * bellows.astype(np.float32)


def organ(library: Library, rng: np.random.Generator) -> np.ndarray:
    """Held chords over a pedal, sometimes a melody."""
    player = Player(library, "organ", rng, (45, 55), (60, 108))

    def held(at, seconds, pitches):
        player.play(pitches[0] - 12, at, seconds, 0.6)
        for pitch in pitches:
            # The shipped pipes sound for two seconds; a longer chord is touched again.
            for part in range(int(np.ceil(seconds / 2))):
                length = min(2, seconds - 2 * part)
                player.play(pitch + 12, at + 2 * part, length, 0.5)

    player.chords(rng.choice((2, 4)), held)
    if rng.random() < 0.5:
        player.melody((9, 15), 1.0, 0.1, 0.7)
    return player.track


def xylophone(library: Library, rng: np.random.Generator) -> np.ndarray:
    """Fast single strokes, sometimes rolls or two mallets."""
    player = Player(library, "xylophone", rng, (58, 70), (84, 168))
    rolls = rng.random() < 0.4
    low = 0 if player.variant == "xylophone" else -4
    now, degree = rng.uniform(0, 0.5), int(rng.integers(low, 12))
    while now < SECONDS:
        for beats in RHYTHMS[rng.integers(len(RHYTHMS))]:
            length = 0.5 * beats * player.beat
            strokes = max(1, round(length * rng.uniform(10, 14))) if rolls and beats >= 1 else 1
            for k in range(strokes):
                player.play(player.pitch(degree), now + k * length / strokes, 0.8)
            if rng.random() < 0.2:
                player.play(player.pitch(degree + 2), now, 0.8, 0.7)
            now += length
            degree = min(max(degree + int(rng.integers(-3, 4)), low), 13)
    return player.track


def drums(library: Library, rng: np.random.Generator) -> np.ndarray:
    """A beat of eighths or sixteenths on one kit, with fills."""
    kit = str(rng.choice(library.variants("drums")))
    tuning, beat = 2 ** rng.normal(0, 0.12), 60 / rng.uniform(75, 165)
    step = beat / (2 if beat < 0.55 else 4)
    pieces = {p: library.piece(kit, p, tuning) for p in (KICK, SNARE, CLOSED, OPEN, CRASH, RIDE)}
    pieces |= {p: library.piece(kit, p, tuning) for p in (LOW, MIDDLE, HIGH, STICK)}
    time_keeper = CLOSED if rng.random() < 0.65 else RIDE
    backbeat = SNARE if rng.random() < 0.85 else STICK
    kicks = rng.random(16) < 0.3
    kicks[[0, 8]] = True
    ghosts = rng.random(16) < 0.12
    track = np.zeros(SAMPLES, np.float32)
    now, i, filling = rng.uniform(0, 0.4), 0, False
    while now < SECONDS:
        k, strokes = i % 16, []
        if k == 0:
            filling = rng.random() < 0.25
            if rng.random() < 0.3:
                strokes.append((CRASH, 1.3))
        if filling and k >= 8:
            strokes.append((int(rng.choice((SNARE, HIGH, MIDDLE, LOW))), 0.9))
        else:
            strokes.append((time_keeper, 2.4 if k % 4 == 0 else 1.7))
            strokes += [(KICK, 1.0)] * bool(kicks[k])
            strokes += [(backbeat, 0.9)] * (k in (4, 12)) + [(SNARE, 0.25)] * bool(ghosts[k])
        for piece, gain in strokes:
            place(track, pieces[piece], now + rng.normal(0, 0.006), gain * rng.uniform(0.75, 1.1))
        now, i = now + step, i + 1
    return track


PLAYED = {
    "violin": violin,
    "guitar": guitar,
    "piano": piano,
    "drums": drums,
    "trumpet": trumpet,
    "accordion": accordion,
    "xylophone": xylophone,
    "flute": flute,
    "organ": organ,
}
