"""Four depth cameras: their pictures, what they measure of a distance, and what they do not see."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import ndimage

from companion.miniature.rooms.camera import BLIND, View

GLASS, BLACK = BLIND.index("glass"), BLIND.index("black")


@dataclass(frozen=True)
class Sensor:
    """One kind of camera.

    Attributes:
        size: width and height of its pictures in pixels, 0.225 of the release's.
        focal: in these pixels.
        kind: how it measures: by a pattern of light that is seen from beside it, by the time that
            light takes, or by a pattern that is weak.
        reach: metres beyond which it sees nothing.
    """

    size: tuple[int, int]
    focal: float
    kind: Literal["pattern", "time", "weak"]
    reach: float


SENSORS = {
    "kv1": Sensor((126, 96), 117.0, "pattern", 10.0),
    "kv2": Sensor((164, 119), 119.0, "time", 10.0),
    "realsense": Sensor((153, 119), 155.0, "weak", 4.0),
    "xtion": Sensor((144, 108), 128.0, "pattern", 10.0),
}


def measured(view: View, sensor: Sensor, rng: np.random.Generator) -> np.ndarray:
    """Return what a sensor measures, `(H, W)` uint16 millimetres, 0 where it sees nothing."""
    z = view.depth.astype(np.float64)
    noise, dice = rng.standard_normal(z.shape), rng.random(z.shape)
    unseen = z > sensor.reach
    if sensor.kind == "pattern":
        # Of a triangle between lamp and camera the angle comes in steps.
        step = 2.85e-3 * z**2
        z = np.round((z + 0.4 * step * noise) / step) * step
        unseen |= (view.blind == GLASS) & (dice < 0.9) | _shadows(view.depth)
    elif sensor.kind == "time":
        z = z + (0.001 + 0.001 * z) * noise
        unseen |= (view.blind == GLASS) & (dice < 0.5) | (view.blind == BLACK) & (dice < 0.7)
    else:
        coarse = ndimage.zoom(rng.standard_normal((z.shape[0] // 8 + 1, z.shape[1] // 8 + 1)), 8)
        coarse = coarse[: z.shape[0], : z.shape[1]]
        z = z + 0.012 * z * (noise + coarse)
        unseen |= (coarse > 1.3) | (view.blind > 0) & (dice < 0.8) | _shadows(view.depth)
    millimetres = np.clip(np.round(1000 * z), 1, 65_535)
    return np.where(unseen, 0, millimetres).astype(np.uint16)


def _shadows(depth: np.ndarray, wide: int = 3) -> np.ndarray:
    """Return where the pattern's lamp, to the right of the camera, is hidden by what is nearer."""
    hidden = np.zeros(depth.shape, bool)
    for k in range(1, wide + 1):
        # The further the jump, the wider the shadow.
        behind = depth[:, :-k] - depth[:, k:] > 0.25 * k
        hidden[:, :-k] |= behind
    return hidden


def filled(depth: np.ndarray) -> np.ndarray:
    """Return millimetres with holes filled by the nearest pixel that has a value, `(H, W)`."""
    holes = depth == 0
    if holes.all() or not holes.any():
        return depth
    place = ndimage.distance_transform_edt(holes, return_distances=False, return_indices=True)
    return depth[tuple(place)]


def photographed(colour: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a view as a photograph, `(H, W, 3)` uint8: exposure, colour of the light, grain."""
    exposure, warmth, tint = (
        rng.uniform(0.55, 1.2),
        rng.uniform(-0.12, 0.12),
        rng.uniform(-0.05, 0.05),
    )
    gains = exposure * np.array([1 + warmth, 1 + tint, 1 - warmth], np.float32)
    grain = rng.normal(0, rng.uniform(0.01, 0.05), colour.shape).astype(np.float32)
    high, wide = colour.shape[:2]
    y, x = np.mgrid[-1 : 1 : high * 1j, -1 : 1 : wide * 1j].astype(np.float32)
    corner = 1 - 0.15 * (x**2 + y**2)
    picture = np.clip(colour * gains * corner[..., None] + grain, 0, 1) ** 0.8
    return np.round(255 * picture).astype(np.uint8)
