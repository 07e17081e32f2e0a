"""Steps of the networks of Table 2 at the official feature sizes, and what OLM costs in them."""

import tempfile
from collections.abc import Callable
from pathlib import Path

from companion import params
from olmlib.config import TrainConfig
from olmlib.data.synthetic import segments
from olmlib.models.ave.config import AVGAConfig, CMBSConfig, LocalizationConfig, PSPConfig

BATCH = 64
NETWORKS: dict[str, LocalizationConfig] = {
    "avga": AVGAConfig(),
    "psp": PSPConfig(),
    "cmbs": CMBSConfig(),
}
ROWS = ("baseline", "three_heads", "olm")
BUDGETS = {f"{name}64.olm_over_baseline": 1.10 for name in NETWORKS}


def measure(rows: dict[str, params.Row], step_seconds: Callable) -> dict[str, float]:
    """Return seconds of a baseline's step, and of OLM's over those of three heads and the baseline.

    Args:
        rows: of Table 2.
        step_seconds: of `benchmarks.__main__`.
    """
    measured = {}
    config = TrainConfig(epochs=1, batch_size=BATCH, lr=1e-3, optimizer="adam")
    with tempfile.TemporaryDirectory() as box:
        # Three of five clips are for training.
        clips = 28 * 5
        data = segments(Path(box) / "ave", clips=clips, classes=28, audio=128, visual=(7, 7, 512))
        chosen = {name: rows[name] for name in ROWS}
        for name, model in NETWORKS.items():
            # One whole period of OLM's probe: 16 steps of each row, taken in turn.
            seconds = step_seconds(chosen, data, model, config, rounds=1)
            measured[f"{name}64.step_seconds"] = seconds["baseline"]
            for other in ("three_heads", "baseline"):
                measured[f"{name}64.olm_over_{other}"] = seconds["olm"] / seconds[other]
    return measured
