"""Sounds of things that hit things: balls, axes, shoes, keys, and paper that tears."""

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
    ring,
    wander,
)


def bowling(rng: np.random.Generator) -> np.ndarray:
    """A ball is put down, rolls for two to four seconds and scatters the pins."""
    track = np.zeros(SAMPLES, np.float32)
    pins = [_pin(rng) for _ in range(6)]
    at = rng.uniform(-1.0, 2.0)
    while at < SECONDS:
        rolling = rng.uniform(1.6, 3.6)
        samples = int(rolling * RATE)
        place(track, ring(((70, 0.2, 1.0), (115, 0.15, 0.6)), 0.3, rng), at, 0.5)
        rumble = noise(samples, rng, 60, rng.uniform(250, 500), 1.0)
        turns = np.cumsum(np.linspace(rng.uniform(4, 6), 8, samples)) / RATE
        rumble *= 0.1 + 0.04 * np.sin(2 * np.pi * turns)
        place(track, fade(rumble * np.linspace(0.5, 1.4, samples), 0.05), at + 0.08)
        crash = at + rolling
        place(track, burst(0.5, rng, 300, 3_000, 0.45), crash, 0.12)
        for _ in range(int(rng.integers(4, 14))):
            late = rng.exponential(0.16)
            pin = pins[rng.integers(len(pins))]
            place(track, pin, crash + late, 0.7 * np.exp(-2 * late) * rng.uniform(0.4, 1))
        place(track, burst(0.4, rng, 60, 220, 0.35), crash + rng.uniform(0.3, 0.5), 0.25)
        at = crash + rng.uniform(1.0, 3.5)
    return track


def _pin(rng: np.random.Generator) -> np.ndarray:
    hertz = rng.uniform(750, 1_150)
    modes = ((hertz, 0.13, 1.0), (2.4 * hertz, 0.08, 0.6), (4.1 * hertz, 0.05, 0.35))
    return ring(modes, 0.16, rng) + 0.3 * burst(0.16, rng, 1_500, 6_000, 0.02)


def basketball(rng: np.random.Generator) -> np.ndarray:
    """A ball is dribbled, now and then let go, so that it bounces ever faster; shoes squeak."""
    track = np.zeros(SAMPLES, np.float32)
    low, ping = rng.uniform(75, 120), rng.uniform(380, 620)
    modes = ((low, 0.16, 0.8), (1.9 * low, 0.1, 0.5), (ping, 0.18, 0.5), (2.1 * ping, 0.1, 0.3))
    bounces = [ring(modes, 0.2, rng) + 0.5 * burst(0.2, rng, 250, 3_000, 0.03) for _ in range(4)]
    period, at = rng.uniform(0.34, 0.85), rng.uniform(0.1, 0.8)
    while at < SECONDS:
        if rng.random() < 0.1:
            gap, gain = rng.uniform(0.6, 0.8), 1.0
            while gap > 0.06:
                place(track, bounces[rng.integers(4)], at, gain)
                at, gap, gain = at + gap, 0.78 * gap, 0.85 * gain
            at += rng.uniform(0.4, 1.2)
        else:
            place(track, bounces[rng.integers(4)], at, rng.uniform(0.6, 1.0))
            at += period * rng.uniform(0.9, 1.12)
        if rng.random() < 0.06:
            period = rng.uniform(0.34, 0.85)
    for _ in range(rng.poisson(1.5)):
        place(track, _squeak(rng), rng.uniform(0, SECONDS), rng.uniform(0.04, 0.12))
    return track


def _squeak(rng: np.random.Generator) -> np.ndarray:
    seconds = rng.uniform(0.06, 0.16)
    samples = int(seconds * RATE)
    hertz = rng.uniform(1_500, 2_600) * np.linspace(1, rng.uniform(0.9, 1.35), samples)
    phase = 2 * np.pi * np.cumsum(hertz) / RATE
    return fade((np.sin(phase) + 0.5 * np.sin(2 * phase)).astype(np.float32), 0.02)


def chopping_wood(rng: np.random.Generator) -> np.ndarray:
    """An axe every second or two: a crack, the log's knock, at times pieces that fall."""
    track = np.zeros(SAMPLES, np.float32)
    log = rng.uniform(170, 330)
    period, at = rng.uniform(1.0, 2.2), rng.uniform(0.1, 1.2)
    while at < SECONDS:
        modes = ((log, 0.14, 1.0), (1.6 * log, 0.1, 0.7), (2.7 * log, 0.07, 0.5))
        place(track, ring(modes, 0.2, rng), at, rng.uniform(0.6, 1.0))
        place(track, burst(0.12, rng, 600, 4_000, 0.06), at, rng.uniform(0.25, 0.5))
        if rng.random() < 0.45:
            for _ in range(int(rng.integers(4, 14))):
                splinter = burst(0.02, rng, 1_200, 6_500, 0.012)
                place(track, splinter, at + rng.uniform(0.01, 0.14), rng.uniform(0.05, 0.25))
            for _ in range(int(rng.integers(2, 5))):
                fall = at + rng.uniform(0.3, 0.75)
                hertz = log * rng.uniform(1.6, 2.8)
                place(
                    track,
                    ring(((hertz, 0.09, 1.0), (2.3 * hertz, 0.06, 0.5)), 0.12, rng),
                    fall,
                    0.25,
                )
        at += period * rng.uniform(0.8, 1.3)
    return track


def tap_dancing(rng: np.random.Generator) -> np.ndarray:
    """Metal on a wooden floor: runs of steps with accents, and rests between the phrases."""
    track = np.zeros(SAMPLES, np.float32)
    floor, plate = rng.uniform(210, 360), rng.uniform(2_300, 3_600)
    steps = []
    for heel in (0.5, 0.9, 0.3, 0.7):
        metal = ring(((plate, 0.03, 0.6), (1.55 * plate, 0.02, 0.5)), 0.09, rng)
        wood = ring(((floor, 0.08, heel), (2.2 * floor, 0.05, 0.6 * heel)), 0.09, rng)
        steps.append(metal + wood + 0.4 * burst(0.09, rng, 2_000, 7_000, 0.015))
    beat = 60 / rng.uniform(84, 150)
    swing = rng.uniform(0.5, 0.67)
    figures = ((0, swing), (0, 1 / 3, 2 / 3), (0, 0.25, 0.5, 0.75), (0,), (0, 0.5, 0.75))
    at = rng.uniform(0, 0.5)
    while at < SECONDS:
        if rng.random() < 0.1:
            at += beat * int(rng.integers(1, 3))
        figure = figures[rng.integers(len(figures))]
        for k, share in enumerate(figure):
            gain = rng.uniform(0.7, 1.0) if k == 0 else rng.uniform(0.3, 0.7)
            place(track, steps[rng.integers(4)], at + share * beat + rng.normal(0, 0.008), gain)
        at += beat
    return track


def typing(rng: np.random.Generator) -> np.ndarray:
    """Keys go down with a click and come up with a softer one; words, pauses, the space bar."""
    track = np.zeros(SAMPLES, np.float32)
    body, bright = rng.uniform(260, 480), rng.uniform(1_600, 3_200)
    keys = [
        burst(0.05, rng, bright * off, 6_500, 0.02)
        + ring(((body * off, 0.03, 0.7), (3.3 * body * off, 0.015, 0.4)), 0.05, rng)
        for off in rng.uniform(0.85, 1.2, 6)
    ]
    space = burst(0.08, rng, 500, 3_500, 0.03) + ring(((0.6 * body, 0.06, 1.2),), 0.08, rng)
    pace = rng.uniform(0.09, 0.2)
    at, left = rng.uniform(0, 0.6), int(rng.integers(2, 9))
    while at < SECONDS:
        down = space if left == 0 else keys[rng.integers(6)]
        gain = rng.uniform(0.5, 1.0)
        place(track, down, at, gain)
        place(track, resample(down, 1.25), at + rng.uniform(0.05, 0.09), 0.35 * gain)
        at += pace * rng.lognormal(0, 0.35)
        left -= 1
        if left < 0:
            left = int(rng.integers(2, 9))
            if rng.random() < 0.15:
                at += rng.uniform(0.5, 1.5)
    return track


def ripping_paper(rng: np.random.Generator) -> np.ndarray:
    """Tears: rough bright noise that rises, one after another, with crumpling between them."""
    track = np.zeros(SAMPLES, np.float32)
    at = rng.uniform(0, 1.2)
    while at < SECONDS:
        seconds = rng.uniform(0.25, 1.6)
        samples = int(seconds * RATE)
        # Fibres break one by one: a crackle of some hundred breaks a second is what makes it paper.
        breaks = (rng.random(samples) < rng.uniform(350, 900) / RATE) * rng.exponential(
            1.0, samples
        )
        crackle = np.convolve(breaks, np.exp(-np.arange(24) / 6.0))[:samples]
        low = rng.uniform(900, 1_800)
        tear = noise(samples, rng, low, 7_500) * (0.25 + crackle)
        shape = curve([(0, 0.2), (0.15 * seconds, 0.8), (0.85 * seconds, 1), (seconds, 0)], samples)
        place(track, (tear * shape).astype(np.float32), at, rng.uniform(0.25, 0.5))
        at += seconds + rng.uniform(0.1, 1.2)
        if rng.random() < 0.4:
            crumple = noise(int(0.8 * RATE), rng, 1_500, 6_500)
            crumple *= np.maximum(wander(rng, 12, len(crumple)), 0) ** 2
            place(track, fade(crumple, 0.1), at - 0.4, 0.12)
    return track


STRUCK = {
    "bowling": bowling,
    "basketball": basketball,
    "chopping_wood": chopping_wood,
    "tap_dancing": tap_dancing,
    "typing": typing,
    "ripping_paper": ripping_paper,
}
