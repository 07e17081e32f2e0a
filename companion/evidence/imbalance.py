"""The phenomenon in numbers: what joint training leaves of each modality, and a data card.

Reads the rows audio-only, visual-only and Concat and nothing of any balancing method, so that the
stated properties of a miniature are measured before a method is looked at.
"""

import numpy as np
import pandas as pd

from companion import report
from companion.runs import folder, identity
from companion.spread import Spread, difference, one_per_seed, spread
from companion.tables import split_by

ALONE = {"audio": "audio_only", "visual": "visual_only"}
JOINT = "concat"
ROWS = (*ALONE.values(), JOINT)
# A miniature that is too easy or too hard shows nothing.
FAR_ABOVE_CHANCE, BELOW = 2.0, 90.0
CARD = ["property", "claim", "measured", "sd", "holds"]


def accuracies(metrics: pd.DataFrame) -> dict[str, np.ndarray]:
    """Return each row's test accuracies over seeds, in percent, ordered by seed.

    Args:
        metrics: as of `folder.load`.
    """
    tests = metrics[(metrics["weights"] == "test") & (metrics["metric"] == "accuracy")]
    tests = tests.sort_values("seed")
    return {row: 100 * part["value"].to_numpy() for row, part in split_by(tests, "row")}


def probe_pairs(probes: pd.DataFrame, modality: str) -> tuple[np.ndarray, np.ndarray]:
    """Return probe accuracies of an encoder trained alone and inside Concat, in percent, by seed.

    Args:
        probes: as of `probe.probes`.
        modality: "audio" or "visual".
    """
    scores = probes[probes["modality"] == modality].sort_values("seed").set_index("row")["accuracy"]
    return 100 * scores.loc[[ALONE[modality]]].to_numpy(), 100 * scores.loc[[JOINT]].to_numpy()


def card(metrics: pd.DataFrame, probes: pd.DataFrame, labels: np.ndarray) -> pd.DataFrame:
    """Measure the properties that were stated for the data before any method was run.

    Args:
        metrics: as of `folder.load`, with `ROWS`.
        probes: as of `probe.probes`.
        labels: `(n,)`, classes of the test split.

    Returns:
        A row per property: `property`, `claim`, `measured` (mean over seeds, percent or points),
        `sd` (from seed to seed; of differences, of one run minus another), `holds`: see
        `property_line`.
    """
    scores = accuracies(metrics)
    chance = 100 * np.bincount(labels).max() / len(labels)
    audio, visual = (scores[row] for row in ALONE.values())
    single = max(audio, visual, key=np.mean)
    rows = [
        property_line("audio-only minus visual-only, accuracy", audio, ">", 0, visual),
        property_line("best single modality minus concat, accuracy", single, ">", 0, scores[JOINT]),
    ]
    for modality, row in ALONE.items():
        rows.append(
            property_line(f"{modality}-only accuracy", scores[row], ">", FAR_ABOVE_CHANCE * chance)
        )
        rows.append(property_line(f"{modality}-only accuracy", scores[row], "<", BELOW))
    alone, joint = probe_pairs(probes, "visual")
    rows.append(property_line("visual linear probe, alone minus in concat", alone, ">", 0, joint))
    return pd.DataFrame(rows, columns=CARD)


def verdict(metrics: pd.DataFrame, probes: pd.DataFrame) -> str:
    """Say in words what the runs show: whether two modalities beat one, and who is under-trained.

    Args:
        metrics, probes: as of `card`.
    """
    scores = accuracies(metrics)
    best = max(ALONE, key=lambda modality: scores[ALONE[modality]].mean())
    single, joint = scores[ALONE[best]], scores[JOINT]
    lines = [
        f"Concat reaches {report.plus_minus(*spread(joint))} %, {best} alone, the best single "
        f"modality, {report.plus_minus(*spread(single))} %: "
        + _compared(difference(joint, single), "two modalities are {} than one")
    ]
    for modality in ALONE:
        alone, inside = probe_pairs(probes, modality)
        lines.append(
            f"By linear probe the {modality} encoder reaches "
            f"{report.plus_minus(*spread(alone))} % "
            f"trained alone and {report.plus_minus(*spread(inside))} % inside Concat: "
            + _compared(difference(inside, alone), "joint training left it {}")
        )
    return "\n".join(lines)


def branches(joint: list[identity.Run]) -> pd.DataFrame:
    """Return logit norms and scores of a joint model's heads, averaged over each epoch.

    Args:
        joint: finished runs of Concat.

    Returns:
        Columns `seed`, `epoch`, `head`, `norm` (mean L2 norm of the logits), `score` (mean logit of
        the sample's own class, a mean over classes), both in logits.
    """
    tables = []
    for run in joint:
        arrays = folder.iterations(run)
        scores = np.nanmean(arrays["score_class"], axis=-1)
        for m, head in enumerate(arrays["heads"]):
            values = {"epoch": arrays["epoch"], "norm": arrays["norm"][:, m], "score": scores[:, m]}
            means = pd.DataFrame(values).groupby("epoch", as_index=False).mean()
            tables.append(means.assign(seed=run.seed, head=str(head)))
    return pd.concat(tables, ignore_index=True)


def divergence(table: pd.DataFrame) -> str:
    """Say how far the audio norm is from the visual norm in the first and in the last epoch.

    Args:
        table: as of `branches`.
    """
    means = table.groupby(["epoch", "head"])["norm"].mean().unstack()
    ratio = means["audio"] / means["visual"]
    return (
        f"Audio logits are {ratio.iloc[0]:.2f} times as large as visual logits in epoch "
        f"{ratio.index[0]} and {ratio.iloc[-1]:.2f} times in epoch {ratio.index[-1]}."
    )


def property_line(
    name: str, values: np.ndarray, sign: str, bound: float, other: np.ndarray | None = None
) -> tuple:
    """Return one line of a data card, in the columns of `card`.

    It holds, `yes`, where it does in every seed, and of two rows for every run of the one against
    every run of the other; `unclear` where only the means satisfy it, and always of one seed; else
    `no`.

    Args:
        name: of the property.
        values: one per seed, in percent or points.
        sign: `>` or `<`.
        bound: what the mean is claimed to be above or below.
        other: of another row, one per seed: the property is that of `values` minus these.

    Raises:
        ValueError: no value, or one that is not finite.
    """
    if other is None:
        measured, singly = spread(values), one_per_seed(values)
    else:
        measured = difference(values, other)
        singly = np.subtract.outer(values, other)
    side = 1 if sign == ">" else -1
    sure = len(values) > 1 and (side * (singly - bound) > 0).all()
    holds = "no" if side * (measured.mean - bound) <= 0 else "yes" if sure else "unclear"
    return name, f"{sign} {bound:.1f}", measured.mean, measured.sd, holds


def _compared(points: Spread, sentence: str) -> str:
    word = "better" if points.mean > 0 else "worse"
    by = report.plus_minus(abs(points.mean), points.sd)
    ending = ", in one seed." if np.isnan(points.sd) else "."
    return f"{sentence.format(word)} by {by} points{ending}"
