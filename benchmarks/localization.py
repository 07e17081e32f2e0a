"""Steps of the networks of Table 2 at the official feature sizes, and what OLM costs in them."""

import tempfile
from collections.abc import Mapping
from pathlib import Path

from benchmarks.steps import Trainee, step_seconds
from companion import params
from olmlib.config import TrainConfig
from olmlib.data.synthetic import segments
from olmlib.models.ave.config import AVGAConfig, CMBSConfig, LocalizationConfig, PSPConfig

BATCH = 64
CLIPS = 28 * 5
NETWORKS: dict[str, LocalizationConfig] = {
    "avga": AVGAConfig(),
    "psp": PSPConfig(),
    "cmbs": CMBSConfig(),
}
ROWS = ("baseline", "three_heads", "olm")
BUDGETS = {f"{name}64.olm_over_baseline": 1.10 for name in NETWORKS}


def measure(
    rows: Mapping[str, params.Row],
    networks: Mapping[str, LocalizationConfig] = NETWORKS,
    audio: int = 128,
    visual: tuple[int, int, int] = (7, 7, 512),
    batch: int = BATCH,
) -> dict[str, float]:
    """Return seconds of a baseline's step, and of OLM's over those of three heads and the baseline.

    Args:
        rows: of Table 2.
        networks: name -> its sizes.
        audio: width of the features of sound.
        visual: rows, columns and channels of the features of a picture.
        batch: clips of a step.
    """
    measured = {}
    config = TrainConfig(epochs=1, batch_size=batch, lr=1e-3, optimizer="adam")
    with tempfile.TemporaryDirectory() as box:
        # Three of five clips are for training.
        data = segments(Path(box) / "ave", clips=CLIPS, classes=28, audio=audio, visual=visual)
        for name, model in networks.items():
            trainees = {row: Trainee(rows[row], data, model, config) for row in ROWS}
            # One whole period of OLM's probe: 16 steps of each row, taken in turn.
            seconds = step_seconds(trainees, rounds=1)
            measured[f"{name}{batch}.step_seconds"] = seconds["baseline"]
            for other in ("three_heads", "baseline"):
                measured[f"{name}{batch}.olm_over_{other}"] = seconds["olm"] / seconds[other]
    return measured
