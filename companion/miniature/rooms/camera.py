"""Casting a ray through every pixel: what a camera sees of a room, and how far it is."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from companion.miniature.rooms import textures
from companion.miniature.rooms.solids import Solid, Surface

NEAR = 0.1
CORNERS = np.array([(a, b, c) for a in (-1, 1) for b in (-1, 1) for c in (-1, 1)]) / 2


@dataclass(frozen=True)
class Camera:
    """A pinhole camera.

    Attributes:
        place: x, y, z in metres.
        yaw: radians, counterclockwise from looking along y.
        pitch: radians, up.
        focal: in pixels.
        size: width and height in pixels.
    """

    place: tuple[float, float, float]
    yaw: float
    pitch: float
    focal: float
    size: tuple[int, int]

    @property
    def turn(self) -> np.ndarray:
        """The matrix from the camera's axes (right, ahead, up) to the room's."""
        cy, sy = np.cos(self.yaw), np.sin(self.yaw)
        cp, sp = np.cos(self.pitch), np.sin(self.pitch)
        about_z = np.array([[cy, -sy, 0], [sy, cy, 0], [0, 0, 1]])
        return about_z @ np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])


@dataclass(frozen=True)
class View:
    """What a camera sees.

    Attributes:
        colour: `(H, W, 3)` float32 in [0, 1].
        depth: `(H, W)` float32, metres along the camera's axis.
        blind: `(H, W)`, number of the surface's `BLIND` reason.
    """

    colour: np.ndarray
    depth: np.ndarray
    blind: np.ndarray


BLIND = ("", "glass", "black")


def see(
    solids: Sequence[Solid],
    room: Solid,
    walls: tuple[Surface, Surface, Surface],
    light: tuple[float, float, float],
    camera: Camera,
) -> View:
    """Look into a room.

    Args:
        solids: what stands in it.
        room: the box that it is; the camera is inside.
        walls: surfaces of walls, floor and ceiling.
        light: place of the lamp, x, y, z in metres.
        camera: where from.
    """
    wide, high = camera.size
    u = (np.arange(wide, dtype=np.float32) + 0.5 - wide / 2) / camera.focal
    v = (high / 2 - 0.5 - np.arange(high, dtype=np.float32)) / camera.focal
    # Planes and not triples: all that follows is several times faster on them.
    turn = camera.turn.astype(np.float32)
    rays = np.stack([a * u + b + c * v[:, None] for a, b, c in turn])
    eye = np.array(camera.place, np.float32)
    everything = [room, *solids]
    depth = np.full((high, wide), np.inf, np.float32)
    owner = np.zeros((high, wide), np.int16)
    face = np.zeros((high, wide), np.int8)
    windows = [(slice(None), slice(None)), *_windows(solids, camera)]
    for number, (solid, window) in enumerate(zip(everything, windows, strict=True)):
        if window is None:
            continue
        start, along = _local(solid, eye, rays[:, *window])
        distance, axis = (_round if solid.round else _flat)(solid, start, along, number == 0)
        nearer = distance < depth[window]
        np.copyto(depth[window], distance, where=nearer)
        np.copyto(face[window], axis, where=nearer, casting="unsafe")
        owner[window][nearer] = number
    colour = np.zeros((high * wide, 3), np.float32)
    blind = np.zeros(high * wide, np.int8)
    flat, flat_depth, flat_face = rays.reshape(3, -1), depth.ravel(), face.ravel()
    order = np.argsort(owner, axis=None, kind="stable")
    ends = np.cumsum(np.bincount(owner.ravel(), minlength=len(everything)))
    for number, (solid, pixels) in enumerate(
        zip(everything, np.split(order, ends[:-1]), strict=True)
    ):
        if not len(pixels):
            continue
        start, along = _local(solid, eye, flat[:, pixels])
        points = start[:, None] + along * flat_depth[pixels]
        own = walls if not number else None
        colour[pixels] = _shaded(solid, points, flat_face[pixels], light, own)
        blind[pixels] = BLIND.index(solid.surface.blind)
    shape = high, wide
    return View(colour.reshape(*shape, 3), depth, blind.reshape(shape))


def _local(solid: Solid, eye: np.ndarray, rays: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return where rays `(3, ...)` start and go in a solid's own axes, from its centre."""
    start = eye - np.array(solid.centre, np.float32)
    if not solid.yaw:
        return start, rays
    cos, sin = np.float32(np.cos(solid.yaw)), np.float32(np.sin(solid.yaw))
    x, y, z = start
    a, b, c = rays
    turned = np.array([cos * x + sin * y, cos * y - sin * x, z], np.float32)
    return turned, np.stack([cos * a + sin * b, cos * b - sin * a, c])


def _windows(solids: Sequence[Solid], camera: Camera) -> list[tuple[slice, slice] | None]:
    """Return the part of the picture that each solid can be seen in, None if it lies outside."""
    if not solids:
        return []
    yaw = np.array([s.yaw for s in solids])[:, None]
    cos, sin = np.cos(yaw), np.sin(yaw)
    a, b, c = np.moveaxis(CORNERS * np.array([s.size for s in solids])[:, None], -1, 0)
    corners = np.stack([cos * a - sin * b, sin * a + cos * b, c], -1)
    seen = (corners + np.array([s.centre for s in solids])[:, None] - camera.place) @ camera.turn
    x, y, z = np.moveaxis(seen, -1, 0)
    wide, high = camera.size
    near, behind = y.min(1) < NEAR, y.max(1) < NEAR
    y = np.maximum(y, NEAR)
    across, down = wide / 2 + camera.focal * x / y, high / 2 - camera.focal * z / y
    left, right = np.where(near, 0, across.min(1)), np.where(near, wide, across.max(1) + 1)
    top, bottom = np.where(near, 0, down.min(1)), np.where(near, high, down.max(1) + 1)
    left, right = (np.clip(v, 0, wide).astype(int) for v in (left, right))
    top, bottom = (np.clip(v, 0, high).astype(int) for v in (top, bottom))
    empty = behind | (left >= right) | (top >= bottom)
    return [
        None if nothing else (slice(first, last), slice(start, stop))
        for nothing, first, last, start, stop in zip(empty, top, bottom, left, right, strict=True)
    ]


def _flat(solid: Solid, start, along, inside: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return the distance to a box, infinite where it is missed, and the axis of the face."""
    shape = along[0].shape
    enter, leave = np.full(shape, -np.inf, np.float32), np.full(shape, np.inf, np.float32)
    axis = np.zeros(shape, np.int8)
    for k in range(3):
        half = np.float32(solid.size[k] / 2)
        with np.errstate(divide="ignore", invalid="ignore"):
            one, other = (-half - start[k]) / along[k], (half - start[k]) / along[k]
        first, last = np.minimum(one, other), np.maximum(one, other)
        axis[last < leave if inside else first > enter] = k
        enter, leave = np.maximum(enter, first), np.minimum(leave, last)
    if inside:
        return leave, axis
    hit = (enter < leave) & (enter > NEAR)
    return np.where(hit, enter, np.inf), axis


def _round(solid: Solid, start, along, inside: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return the distance to an upright cylinder; its side has the face 0, its ends 2."""
    radius, half = solid.size[0] / 2, solid.size[2] / 2
    (x, y, z), (dx, dy, dz) = start, along
    a, b, c = dx * dx + dy * dy, x * dx + y * dy, x * x + y * y - radius**2
    with np.errstate(divide="ignore", invalid="ignore"):
        side = (-b - np.sqrt(b * b - a * c)) / a
        side = np.where((side > NEAR) & (abs(z + side * dz) <= half), side, np.inf)
        end = (np.copysign(half, z) - z) / dz
        within = (x + end * dx) ** 2 + (y + end * dy) ** 2 <= radius**2
        end = np.where((end > NEAR) & within, end, np.inf)
    return np.minimum(side, end), np.where(end < side, 2, 0)


def _shaded(solid: Solid, points, axis, light, walls) -> np.ndarray:
    """Return the colours `(n, 3)` of points `(3, n)` of a solid, in its axes, under the lamp."""
    colour = np.zeros((points.shape[1], 3), np.float32)
    normal = np.zeros_like(points)
    for k in np.flatnonzero(np.bincount(axis, minlength=3)):
        chosen = slice(None) if (axis == k).all() else axis == k
        here = points[:, chosen]
        x, y, z = (here[i] + solid.size[i] / 2 for i in range(3))
        u, v = (x, y) if k == 2 else ((x, y)[1 - k], z)
        if solid.round and k == 0:
            u = np.arctan2(here[1], here[0]) * solid.size[0] / 2
        beyond = here[k] > 0
        if walls is None:
            colour[chosen] = textures.colours(solid.surface, u, v, upright=k != 2)
        elif k < 2:
            colour[chosen] = textures.colours(walls[0], u, v, upright=True)
        else:
            floor, ceiling = (textures.colours(w, u, v, upright=False) for w in walls[1:])
            colour[chosen] = np.where(beyond[:, None], ceiling, floor)
        if solid.round and k == 0:
            normal[:2, chosen] = here[:2] / (solid.size[0] / 2)
        else:
            normal[k, chosen] = np.where(beyond, 1, -1) * (1 if walls is None else -1)
    lamp, _ = _local(solid, np.array(light, np.float32), points)
    towards = lamp[:, None] - points
    square = towards[0] ** 2 + towards[1] ** 2 + towards[2] ** 2
    facing = (normal[0] * towards[0] + normal[1] * towards[1] + normal[2] * towards[2]) / np.sqrt(
        square
    )
    return colour * (0.5 + 0.55 * np.clip(facing, 0, 1) / (1 + 0.05 * square))[:, None]
