"""What a face does: action units per emotion, their strength in a clip, their course in time.

Action units and the emotions' prototypes are those of the Facial Action Coding System (Ekman,
Friesen and Hager 2002). Its head positions (AU53 to AU58) and the shoulders go with emotions as
Wallbott (1998) observed on actors: forward in anger, back with raised shoulders in fear, up in
joy, down in sadness, averted in disgust.
"""

from dataclasses import dataclass

import numpy as np

UNITS = {
    "AU1": "inner brows up",
    "AU2": "outer brows up",
    "AU4": "brows lowered together",
    "AU5": "upper lids up",
    "AU6": "cheeks up",
    "AU7": "lids tight",
    "AU9": "nose wrinkled",
    "AU10": "upper lip up",
    "AU12": "lip corners pulled up",
    "AU15": "lip corners down",
    "AU17": "chin up",
    "AU20": "lips stretched",
    "AU23": "lips tight",
    "AU26": "jaw dropped",
    "AU43": "lids drooping",
    "AU53": "head up and back",
    "AU54": "head down",
    "AU55": "head tilted",
    "AU57": "head forward",
    "AU58": "head back",
    "S1": "shoulders up",
}
PROTOTYPES = {
    "ANG": {"AU4": 1.0, "AU5": 0.5, "AU7": 0.8, "AU17": 0.3, "AU23": 1.0, "AU57": 1.0},
    "DIS": {"AU4": 0.4, "AU7": 0.4, "AU9": 1.0, "AU10": 1.0, "AU15": 0.2, "AU17": 0.3, "AU55": 1.0},
    "FEA": {"AU1": 1.0, "AU2": 0.8, "AU4": 0.4, "AU5": 1.0, "AU20": 1.0, "AU26": 0.5}
    | {"AU58": 1.0, "S1": 1.0},
    "HAP": {"AU6": 0.9, "AU12": 1.0, "AU26": 0.1, "AU53": 1.0},
    "NEU": {},
    "SAD": {"AU1": 0.9, "AU4": 0.5, "AU15": 1.0, "AU17": 0.5, "AU43": 0.5, "AU54": 1.0},
}
STRENGTH = {"LO": (0.55, 0.80), "MD": (0.85, 1.10), "HI": (1.15, 1.45), "XX": (0.75, 1.35)}
# Shares of clips whose face hides the emotion behind another one, or hardly moves at all.
MASKED, WEAK = 0.10, 0.12


@dataclass(frozen=True)
class Expression:
    """The face of one clip.

    Attributes:
        units: strength of each action unit at the apex, in [0, 1.6].
        onset, apex: when it begins and when it is full, in shares of the clip.
        decay: share of it that is left at the end.
        shown: the emotion that the face shows; with a mask it is not the acted one.
        strength: of the whole expression, 0 to 1.6.
    """

    units: dict[str, float]
    onset: float
    apex: float
    decay: float
    shown: str
    strength: float

    def at(self, share: float) -> dict[str, float]:
        """Return the action units at `share` (0 to 1) of the clip."""
        rise = (share - self.onset) / max(self.apex - self.onset, 1e-6)
        fall = (share - self.apex) / max(1 - self.apex, 1e-6)
        rise, fall = (min(max(value, 0.0), 1.0) for value in (rise, fall))
        # Half of the strength is there from the first frame: actors start in character.
        course = (0.6 + 0.4 * rise) * (1 - (1 - self.decay) * fall)
        return {unit: course * value for unit, value in self.units.items()}


def draw(
    emotion: str,
    level: str,
    expressive: float,
    rng: np.random.Generator,
    prototypes: dict[str, dict[str, float]] = PROTOTYPES,
) -> Expression:
    """Draw the face of one clip.

    Args:
        emotion: the acted one.
        level: LO, MD, HI or XX.
        expressive: factor of the actor, about 1.
        rng: of this clip alone.
        prototypes: emotion -> action units of its full face, of all emotions that there are.
    """
    strength = expressive * rng.uniform(*STRENGTH[level])
    shown, kind = emotion, rng.random()
    if kind < MASKED:
        # The display rule of everyday life: a social smile, or a face held still.
        shown = str(
            rng.choice([e for e in prototypes if e != emotion], p=_masks(emotion, prototypes))
        )
    elif kind < MASKED + WEAK:
        strength *= rng.uniform(0.1, 0.4)
    units = {}
    for unit in UNITS:
        value = prototypes[shown].get(unit, 0.0) * strength * rng.uniform(0.6, 1.3)
        # Faces also move for reasons of their own: speech, habit, light in the eyes.
        value += 0.10 * abs(rng.normal()) + 0.25 * rng.random() * (rng.random() < 0.08)
        units[unit] = float(np.clip(value, 0, 1.6))
    onset = rng.uniform(0, 0.25)
    return Expression(
        units=units,
        onset=onset,
        apex=onset + rng.uniform(0.1, 0.45),
        decay=rng.uniform(0.5, 1.0),
        shown=shown,
        strength=float(strength if prototypes[shown] else 0.0),
    )


def _masks(emotion: str, prototypes: dict) -> np.ndarray:
    weight = dict.fromkeys(("HAP", "NEU", "happy", "neutral"), 3.0)
    weights = np.array([weight.get(e, 1.0) for e in prototypes if e != emotion])
    return weights / weights.sum()
