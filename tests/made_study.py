"""Runs of a study with made-up numbers, as `companion.study.runs` gives them."""

import numpy as np
import pandas as pd

ROWS = (
    *("audio_only", "visual_only", "concat", "three_heads", "olm_constant", "olm_paper"),
    *("olm_code", "olm", "olm_reversed", "olm_norm_free", "olm_random", "olm_current"),
    *("ogm_ge", "gblend", "gradnorm", "mmcosine", "pmr"),
)
HEIGHTS = {"audio_only": -20.0, "visual_only": -4.0, "olm_paper": 3.0, "olm_constant": 1.0}


def frame(dataset="ravdess", rows=ROWS, seeds=10, folds=6, clips=240, gains=None, rng=0):
    """Return a line per run; Concat spreads twice as much as the others."""
    draw = np.random.default_rng(rng)
    heights, lines = HEIGHTS if gains is None else gains, []
    for row in rows:
        for seed in range(seeds):
            own = draw.normal(0, 1.6 if row == "concat" else 0.8)
            for fold in range(folds):
                accuracy = (60 + heights.get(row, 0.0) + own + draw.normal(0, 2)) / 100
                line = {"dataset": dataset, "row": row, "seed": seed, "fold": fold}
                line |= {"accuracy": accuracy, "best_dev": accuracy + 0.002}
                line |= {"dev_accuracy": accuracy + 0.01, "test_clips": clips}
                lines.append(line | {"seconds": 2.0 + len(row) / 20})
    return pd.DataFrame(lines)


def clips(table, people=24, per_fold=20, rng=1):
    """Return some test clips of every run of a frame, with about its accuracy."""
    draw, lines = np.random.default_rng(rng), []
    for run in table.to_dict("records"):
        right = draw.random(per_fold) < run["accuracy"]
        for i, correct in enumerate(right):
            person = (run["fold"] * people // 6 + i % 4) % people
            line = {name: run[name] for name in ("dataset", "row", "seed", "fold")}
            line |= {"id": f"{run['fold']}-{i}", "group": f"actor {person}", "correct": correct}
            lines.append(line)
    return pd.DataFrame(lines)


def tuning(table, rng=2):
    """Return a tuning grid: four rates at the first value, then four values at the best rate."""
    draw, lines = np.random.default_rng(rng), []
    for dataset in dict.fromkeys(table["dataset"]):
        for row in dict.fromkeys(table["row"]):
            own = [np.nan] if row == "concat" else [0.8, 0.25, 0.5, 1.5]
            for fold in range(2):
                for seed in (100, 101):
                    for rate in (0.005, 0.01, 0.02, 0.04):
                        at = {"dataset": dataset, "row": row, "fold": fold, "seed": seed}
                        at |= {"lr": rate, "option": None if row == "concat" else "constant"}
                        dev = 0.6 - 0.02 * abs(np.log2(rate / 0.02)) + draw.normal(0, 0.01)
                        chosen = rate == 0.02
                        lines.append(at | {"value": own[0], "dev_accuracy": dev, "chosen": chosen})
                        if chosen:
                            lines += [
                                at | {"value": v, "dev_accuracy": dev - 0.05, "chosen": False}
                                for v in own[1:]
                            ]
    return pd.DataFrame(lines)


def epochs(table, growth=None, apart=None, rng=3):
    """Return three epochs of every run: norms that grow, encoders that are updated.

    Args:
        table: as of `frame`.
        growth: row -> logarithm by which audio's and visual's norms grow; by default 1 and 0.5.
        apart: row -> logarithm of audio's updates over visual's; by default 1.
    """
    draw, lines = np.random.default_rng(rng), []
    for run in table.to_dict("records"):
        key = {name: run[name] for name in ("dataset", "row", "seed", "fold")}
        audio, visual = (growth or {}).get(run["row"], (1.0, 0.5))
        audio, visual = np.array([audio, visual]) + draw.normal(0, 0.02, 2)
        ratio = (apart or {}).get(run["row"], 1.0) + draw.normal(0, 0.02)
        for epoch in (1, 2, 3):
            line = key | {"epoch": epoch, "train_loss": 1.0}
            if run["row"] != "visual_only":
                line |= {"norm_audio": np.exp(audio * (epoch - 1) / 2)}
                line |= {"update_audio": 0.1 * np.exp(ratio)}
            if run["row"] != "audio_only":
                line |= {"norm_visual": np.exp(visual * (epoch - 1) / 2), "update_visual": 0.1}
            lines.append(line)
    return pd.DataFrame(lines)


def probes(table, rows, scores=None, rng=4):
    """Return linear probes of the weaker encoder: row -> accuracy in percent, by default 30."""
    draw = np.random.default_rng(rng)
    own = table[table["row"].isin(rows)]
    score = own["row"].map(lambda row: (scores or {}).get(row, 30.0))
    accuracy = (score + draw.normal(0, 0.5, len(own))) / 100
    return own[["row", "seed", "fold"]].assign(accuracy=accuracy)
