"""Sounds of engines, animals, bells, horns and a heart, each by its own rule."""

import numpy as np

from companion.miniature.sounds.waves import (
    RATE,
    SAMPLES,
    SECONDS,
    burst,
    curve,
    fade,
    noise,
    place,
    resample,
    resonance,
    ring,
    tone,
    wander,
)


def mowing_lawn(rng: np.random.Generator) -> np.ndarray:
    """A one-cylinder engine, the blade's wind at each turn, grass that loads it."""
    turns = rng.uniform(42, 60) * (1 + 0.02 * wander(rng, 0.7))
    if rng.random() < 0.35:
        start = rng.uniform(0.5, 3.0)
        turns *= curve([(0, 0.2), (start, 0.25), (start + 1.2, 1), (SECONDS, 1)])
        on = curve([(0, 0), (start - 0.1, 0), (start + 0.4, 1), (SECONDS, 1)])
    else:
        on = np.ones(SAMPLES, np.float32)
    # A four-stroke engine fires at every second turn.
    weights = tuple(1 / k**0.7 for k in range(1, 24))
    engine = tone(turns / 2, SAMPLES, weights)
    phase = np.cumsum(turns) * (2 * np.pi / RATE)
    blade = noise(SAMPLES, rng, 300, rng.uniform(2_000, 4_500), 0.7)
    blade *= (0.7 + 0.5 * np.sin(2 * phase)).astype(np.float32)
    load = 1 + 0.2 * wander(rng, 0.4)
    return (on * load * (0.25 * engine + rng.uniform(0.3, 0.6) * blade)).astype(np.float32)


def helicopter(rng: np.random.Generator) -> np.ndarray:
    """Blades that slap ten to eighteen times a second, a turbine's whine, near or passing."""
    rate = rng.uniform(10, 18)
    phase = np.cumsum(rate * (1 + 0.01 * wander(rng, 0.3))) / RATE
    slap = (0.5 + 0.5 * np.cos(2 * np.pi * phase)).astype(np.float32) ** rng.uniform(4, 10)
    air = noise(SAMPLES, rng, 40, rng.uniform(350, 900), 0.6)
    low = tone(rate, SAMPLES, tuple(1 / k**0.5 for k in range(1, 9)))
    whine = tone(rng.uniform(1_500, 3_200) * (1 + 0.004 * wander(rng, 0.5)), SAMPLES, (1, 0.3))
    near = rng.uniform(0, SECONDS)
    distance = np.sqrt(1 + ((np.arange(SAMPLES) / RATE - near) / rng.uniform(2.5, 10)) ** 2)
    body = slap * (air + 0.3 * noise(SAMPLES, rng, 400, 2_500, 1.0)) + 0.12 * low
    return ((body + 0.08 * air + rng.uniform(0.005, 0.05) * whine) / distance).astype(np.float32)


def siren(rng: np.random.Generator) -> np.ndarray:
    """A police car: wail, yelp or two tones, sometimes one after another, coming and going."""
    low = rng.uniform(500, 700)
    high = low * rng.uniform(1.9, 2.4)
    hertz, at = np.zeros(SAMPLES), 0
    while at < SAMPLES:
        kind = rng.choice(("wail", "yelp", "two"))
        samples = min(int(rng.uniform(4, 10) * RATE), SAMPLES - at)
        time = np.arange(samples) / RATE
        if kind == "two":
            tones = (time / rng.uniform(0.45, 0.7)).astype(int) % 2
            hertz[at : at + samples] = np.where(tones, low, 1.34 * low)
        else:
            period = rng.uniform(3.5, 6.0) if kind == "wail" else rng.uniform(0.25, 0.4)
            sweep = np.abs((time / period + rng.random()) % 1 * 2 - 1)
            hertz[at : at + samples] = low + (high - low) * sweep**0.8
        at += samples
    passes, speed = rng.uniform(-2, 12), rng.uniform(2, 8)
    away = (np.arange(SAMPLES) / RATE - passes) / speed
    hertz *= 1 - rng.uniform(0.0, 0.05) * np.tanh(2 * away)
    horn = tone(hertz, SAMPLES, (1, 0.5, 0.6, 0.25, 0.3, 0.12, 0.15))
    engine = noise(SAMPLES, rng, 60, 400, 1.0)
    return ((0.5 * horn + 0.08 * engine) / np.sqrt(1 + away**2)).astype(np.float32)


def train(rng: np.random.Generator) -> np.ndarray:
    """A horn of three to five pipes, long and short calls, over rolling wheels and their joints."""
    track = np.zeros(SAMPLES, np.float32)
    root = rng.uniform(240, 330)
    chord = (1, 1.19, 1.335, 1.59, 2.0)[: int(rng.integers(3, 6))]
    weights = (1, 0.8, 0.7, 0.5, 0.4, 0.3, 0.2, 0.15)
    calls = ((2.2, 2.0, 0.6, 2.6), (1.2, 1.2), (3.5,), (0.6, 0.6, 2.0))[rng.integers(4)]
    at = rng.uniform(0.1, 1.5)
    while at < SECONDS:
        for call in calls:
            samples = int(call * rng.uniform(0.85, 1.2) * RATE)
            bend = curve([(0, 0.94), (0.15, 1), (call, 1), (call + 0.2, 0.97)], samples)
            first, *others = (tone(root * pipe * bend, samples, weights) for pipe in chord)
            place(track, fade(sum(others, start=first), 0.08), at, 0.4 / len(chord))
            at += samples / RATE + rng.uniform(0.25, 0.6)
        at += rng.uniform(1.0, 4.0)
    wheels = noise(SAMPLES, rng, 50, 700, 1.0)
    near = curve([(0, rng.uniform(0.2, 1)), (SECONDS, rng.uniform(0.2, 1))])
    track += rng.uniform(0.04, 0.12) * near * wheels
    joint = burst(0.1, rng, 120, 1_500, 0.08)
    gap = rng.uniform(0.6, 1.4)
    for start in np.arange(rng.uniform(0, gap), SECONDS, gap):
        for late in (0, 0.12):
            place(track, joint, start + late, rng.uniform(0.05, 0.1))
    return track


def church_bell(rng: np.random.Generator) -> np.ndarray:
    """One to four bells with the partials of bronze: hum, prime, minor third, fifth, octave."""
    track = np.zeros(SAMPLES, np.float32)
    prime = rng.uniform(180, 420)
    steps = (1, 9 / 8, 5 / 4, 3 / 2)[: int(rng.choice((1, 1, 2, 3, 4)))]
    low = ((0.5, 6, 0.6), (1, 5, 0.9), (1.19, 4, 0.9), (1.5, 2.5, 0.4), (2, 3.5, 1.0))
    high = ((2.51, 1.6, 0.5), (2.66, 1.4, 0.3), (3.01, 1.3, 0.5), (4.17, 0.8, 0.4))
    bells = []
    for step in steps:
        modes = tuple((prime * step * f, 1.4 * d, w) for f, d, w in low + high)
        clapper = 0.5 * burst(0.05, rng, 1_500, 5_000, 0.03)
        sound = fade(ring(modes, 5.0, rng), 0.003)
        place(sound, clapper, 0)
        bells.append(sound)
    period, at, i = rng.uniform(0.5, 2.4), rng.uniform(-0.5, 1.0), 0
    order = rng.permutation(len(bells))
    while at < SECONDS:
        place(track, bells[order[i % len(bells)]], at, rng.uniform(0.15, 0.22))
        at, i = at + period * rng.uniform(0.93, 1.07), i + 1
    return track


def dog(rng: np.random.Generator) -> np.ndarray:
    """Barks in groups: a voice that rises and falls in a fifth of a second, in a dog's throat."""
    track = np.zeros(SAMPLES, np.float32)
    size = rng.uniform(0, 1)
    pitch, tract = 620 - 420 * size, 1.45 - 0.55 * size
    barks = [_bark(pitch * rng.uniform(0.9, 1.1), tract, rng) for _ in range(4)]
    at = rng.uniform(0, 1.0)
    while at < SECONDS:
        for _ in range(int(rng.integers(1, 6))):
            bark = resample(barks[rng.integers(4)], rng.uniform(0.94, 1.06))
            place(track, bark, at, rng.uniform(0.5, 1.0))
            at += rng.uniform(0.28, 0.5)
        at += rng.uniform(0.3, 1.6)
    return track


def _bark(pitch: float, tract: float, rng: np.random.Generator) -> np.ndarray:
    seconds = rng.uniform(0.13, 0.26)
    samples = int(seconds * RATE)
    glide = curve([(0, 0.7), (0.25 * seconds, 1.15), (0.6 * seconds, 1), (seconds, 0.6)], samples)
    voice = tone(pitch * glide, samples, tuple(1 / k**0.5 for k in range(1, 25)))
    source = voice + rng.uniform(0.4, 1.0) * noise(samples, rng, 300, 5_000)
    throat = sum(
        weight * resonance(source, 0.8 * f * tract, 1.25 * f * tract)
        for f, weight in ((560, 1.0), (1_150, 0.9), (2_500, 0.35))
    )
    shape = curve([(0, 0), (0.1 * seconds, 1), (0.5 * seconds, 0.8), (seconds, 0)], samples)
    sound = (throat * shape).astype(np.float32)
    return 0.8 * sound / np.abs(sound).max()


def birds(rng: np.random.Generator) -> np.ndarray:
    """Two or three birds, each repeats a phrase of its own: whistles, trills and sweeps."""
    track = np.zeros(SAMPLES, np.float32)
    for bird in range(int(rng.integers(1, 4))):
        phrase = np.concatenate([_chirp(rng) for _ in range(int(rng.integers(2, 7)))])
        at, gain = rng.uniform(0, 1.5), rng.uniform(0.3, 0.7) * 0.7**bird
        while at < SECONDS:
            place(track, phrase, at, gain * rng.uniform(0.7, 1.1))
            at += len(phrase) / RATE + rng.exponential(0.9)
    return track


def _chirp(rng: np.random.Generator) -> np.ndarray:
    samples = int(rng.uniform(0.04, 0.25) * RATE)
    centre = rng.uniform(2_400, 5_500)
    glide = np.linspace(rng.uniform(0.8, 1.25), rng.uniform(0.8, 1.25), samples)
    trill = rng.choice((0, 0, rng.uniform(0.03, 0.12)))
    glide = glide + trill * np.sin(2 * np.pi * rng.uniform(20, 45) * np.arange(samples) / RATE)
    whistle = tone(np.clip(centre * glide, 1_500, 7_400), samples, (1, 0.15))
    return np.pad(fade(whistle, 0.012), (0, int(rng.uniform(0.01, 0.1) * RATE)))


def heartbeat(rng: np.random.Generator) -> np.ndarray:
    """A heart through a stethoscope: "lub", lower and longer, then "dub", and the skin's rustle."""
    track = np.zeros(SAMPLES, np.float32)
    low = rng.uniform(38, 58)
    lub = ring(((low, 0.14, 1.0), (1.7 * low, 0.1, 0.6), (3.1 * low, 0.06, 0.2)), 0.2, rng)
    dub = ring(((1.4 * low, 0.1, 1.0), (2.3 * low, 0.07, 0.5), (4.2 * low, 0.05, 0.2)), 0.15, rng)
    murmur = noise(int(0.25 * RATE), rng, 80, 350) * rng.choice((0, 0, 0.08))
    beat, at = 60 / rng.uniform(55, 130), rng.uniform(0, 0.8)
    while at < SECONDS:
        systole = 0.22 + 0.12 * beat
        place(track, fade(lub, 0.006), at, rng.uniform(0.6, 0.8))
        place(track, fade(murmur, 0.05), at + 0.08)
        place(track, fade(dub, 0.005), at + systole, rng.uniform(0.35, 0.6))
        at += beat * rng.uniform(0.96, 1.04)
    rustle = noise(SAMPLES, rng, 60, 300, 1.0) * np.exp(0.5 * wander(rng, 1.0))
    return track + rng.uniform(0.01, 0.04) * rustle


CALLING = {
    "mowing_lawn": mowing_lawn,
    "helicopter": helicopter,
    "siren": siren,
    "train": train,
    "church_bell": church_bell,
    "dog": dog,
    "birds": birds,
    "heartbeat": heartbeat,
}
