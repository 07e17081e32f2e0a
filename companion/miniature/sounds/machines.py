"""Sounds of machines that run: motorcycles, trucks, chainsaws and clocks."""

import numpy as np

from companion.miniature.sounds.waves import (
    RATE,
    SAMPLES,
    SECONDS,
    burst,
    curve,
    noise,
    place,
    ring,
    tone,
    wander,
)


def motorcycle(rng: np.random.Generator) -> np.ndarray:
    """A twin that is revved again and again; the exhaust puffs at every firing."""
    idle, high = rng.uniform(18, 30), rng.uniform(60, 110)
    points, at = [(0.0, idle)], rng.uniform(0.2, 1.0)
    while at < SECONDS:
        up, down = rng.uniform(0.3, 0.8), rng.uniform(0.4, 1.2)
        points += [(at, idle), (at + up, idle + (high - idle) * rng.uniform(0.5, 1))]
        points += [(at + up + down, idle)]
        at += up + down + rng.uniform(0.05, 0.8)
    firing = curve(points) * (1 + 0.03 * wander(rng, 4))
    puff = _pulses(firing, rng.uniform(3, 6)) * noise(SAMPLES, rng, 60, 1_800, 0.8)
    body = tone(firing, SAMPLES, tuple(1 / k**0.6 for k in range(1, 20)))
    return ((0.3 * body + 0.5 * puff) * (firing / high) ** 0.5).astype(np.float32)


def truck(rng: np.random.Generator) -> np.ndarray:
    """A diesel that knocks and pulls slowly, big tyres, now and then the brakes' air."""
    firing = rng.uniform(22, 40) * curve([(0, rng.uniform(0.7, 1)), (SECONDS, rng.uniform(0.7, 1))])
    knock = _pulses(firing, 8) * noise(SAMPLES, rng, 500, 2_500, 0.5)
    body = tone(firing / 2, SAMPLES, tuple(1 / k**0.4 for k in range(1, 12)))
    tyres = noise(SAMPLES, rng, 40, 300, 1.5)
    track = (0.25 * body + 0.25 * knock + rng.uniform(0.2, 0.5) * tyres).astype(np.float32)
    for _ in range(rng.poisson(0.7)):
        place(track, burst(rng.uniform(0.4, 0.9), rng, 2_000, 7_000, 0.8), rng.uniform(0, 9), 0.3)
    return track


def chainsaw(rng: np.random.Generator) -> np.ndarray:
    """A two-stroke that screams when it is given gas and falls when the wood loads it."""
    idle, high = rng.uniform(45, 60), rng.uniform(130, 190)
    points, at = [(0.0, idle)], rng.uniform(0.0, 0.6)
    while at < SECONDS:
        cut = rng.uniform(0.8, 3.0)
        loaded = high * rng.uniform(0.7, 0.9)
        points += [(at, idle), (at + 0.15, high), (at + 0.4, loaded), (at + cut, loaded)]
        points += [(at + cut + 0.2, idle)]
        at += cut + rng.uniform(0.3, 0.9)
    firing = curve(points) * (1 + 0.02 * wander(rng, 8))
    scream = tone(firing, SAMPLES, tuple(1 / k**0.3 for k in range(1, 26)))
    chain = noise(SAMPLES, rng, 1_500, 7_000) * (firing / high) ** 2
    return ((0.25 * scream + rng.uniform(0.1, 0.25) * chain) * firing / high).astype(np.float32)


def clock(rng: np.random.Generator) -> np.ndarray:
    """Tick and tock, one a little lower than the other; some clocks strike as well."""
    track = np.zeros(SAMPLES, np.float32)
    bright, period = rng.uniform(1_800, 3_600), float(rng.choice((0.25, 0.5, 0.5, 1.0)))
    ticks = [
        ring(((f, 0.05, 0.7), (0.37 * f, 0.06, 0.5)), 0.08, rng) + burst(0.08, rng, f, 7_000, 0.01)
        for f in (bright, bright * rng.uniform(0.8, 0.95))
    ]
    for i, at in enumerate(np.arange(rng.uniform(0, period), SECONDS, period)):
        place(track, ticks[i % 2], at, rng.uniform(0.8, 1.0))
    if rng.random() < 0.3:
        gong = rng.uniform(400, 900)
        modes = ((gong, 1.6, 0.8), (2.7 * gong, 0.9, 0.5), (5.2 * gong, 0.4, 0.3))
        for at in np.arange(rng.uniform(0, 4), SECONDS, rng.uniform(1.2, 2.0)):
            place(track, ring(modes, 1.2, rng), at, 0.6)
    return track


def _pulses(hertz: np.ndarray, sharp: float) -> np.ndarray:
    """Return a pulse in [0, 1] at every turn of `hertz`, the narrower the sharper."""
    phase = 2 * np.pi * np.cumsum(hertz) / RATE
    return ((0.5 + 0.5 * np.cos(phase)) ** sharp).astype(np.float32)


RUNNING = {"motorcycle": motorcycle, "truck": truck, "chainsaw": chainsaw, "clock": clock}
