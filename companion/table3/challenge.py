"""What MER2023's own baselines reached, to ask where the paper's Attention column comes from."""

from pathlib import Path
from typing import Any

import pandas as pd

from companion import paper

# An MLP on utterance means, weighted F1 (%) and valence MSE: under five-fold cross-validation on
# Train&Val and on the 411 test clips (Lian et al. 2023; models HuBERT-large, MANet, MacBERT-large).
BASELINES = {
    "A": (65.67, 1.27, 66.51, 1.22),
    "V": (57.48, 1.38, 56.19, 1.48),
    "T": (42.62, 2.39, 50.31, 2.25),
    "A+T": (67.02, 1.16, 69.98, 1.11),
    "V+T": (61.19, 1.28, 67.92, 1.23),
    "A+V": (72.92, 0.86, 73.38, 0.83),
    "A+V+T": (73.39, 0.87, 75.49, 0.82),
}
# The paper prints one digit of F1 and two of the MSE.
NEAR = {"f1": 0.1, "mse": 0.005}


def compared(printed: Path | None = None) -> pd.DataFrame:
    """Return the paper's Attention cells beside the challenge's baselines.

    Args:
        printed: another place of the paper's Table 3.

    Returns:
        Columns `modalities`, `paper_f1`, `paper_mse`, `cv_f1`, `cv_mse`, `test_f1`, `test_mse`,
        and `equals_cv`, `equals_test`: both numbers agree within `NEAR`.
    """
    published = paper.published("table3", printed).set_index("modalities")
    lines = []
    for letters, (cv_f1, cv_mse, test_f1, test_mse) in BASELINES.items():
        line: dict[str, Any] = {"modalities": letters}
        line |= {f"paper_{m}": published.loc[letters, f"attention_{m}"] for m in NEAR}
        line |= {"cv_f1": cv_f1, "cv_mse": cv_mse, "test_f1": test_f1, "test_mse": test_mse}
        for protocol in ("cv", "test"):
            gaps = {m: abs(line[f"paper_{m}"] - line[f"{protocol}_{m}"]) for m in NEAR}
            line[f"equals_{protocol}"] = all(gaps[m] <= NEAR[m] + 1e-9 for m in NEAR)
        lines.append(line)
    return pd.DataFrame(lines)
