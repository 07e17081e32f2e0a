"""Train every row in a world and say what it gains there."""

from collections.abc import Mapping, Sequence
from itertools import product

import pandas as pd
import torch

from companion.lessons.controlled.world import STRONGER, WEAKER, Drawn, World
from companion.rows import Controlled, Row
from companion.workers import Lost, refuse_lost, spread
from olmlib.config import MLPFusionConfig, TrainConfig
from olmlib.evaluate import evaluate
from olmlib.methods.table import create
from olmlib.metrics import accuracy, paired_difference
from olmlib.train import fit

ALONE = (f"{STRONGER}_only", f"{WEAKER}_only")
JOINT = "concat"
BALANCED = ("three_heads", "olm_constant", "olm", "ogm_ge")
BEST = "best_unimodal"
WORLD = ["strength", "width", "shared"]
HIDDEN = (32,)
TRAIN = TrainConfig(
    epochs=20, batch_size=50, lr=0.05, schedule="cosine", selection="last", test_epochs=False
)


def accuracies(
    worlds: Sequence[World], rows: Mapping[str, Row], seeds: int, workers: int = 1
) -> pd.DataFrame:
    """Train every row in every world with every seed; a seed draws other samples too.

    Args:
        worlds: without repetition.
        rows: name -> row of `params.yaml`.
        seeds: how many.
        workers: processes at a time.

    Returns:
        Columns `strength`, `width`, `shared`, `row`, `seed`, `accuracy` (percent of the test
        samples).

    Raises:
        RuntimeError: a worker was lost.
    """
    pieces = [
        (world, name, row.method, tuple(row.options.items()), seed)
        for world, (name, row), seed in product(worlds, rows.items(), range(seeds))
    ]
    done, lost = {}, {}
    for piece, found in spread(_accuracy, pieces, workers):
        if isinstance(found, Lost):
            lost[str(piece)] = found
        else:
            done[piece] = found
    refuse_lost(lost)
    lines = [
        (world.strength, world.width, world.shared, name, seed, 100 * done[piece])
        for piece in pieces
        for world, name, *_, seed in [piece]
    ]
    return pd.DataFrame(lines, columns=[*WORLD, "row", "seed", "accuracy"])


def gains(scores: pd.DataFrame, references: Sequence[str]) -> pd.DataFrame:
    """Return what every row gains over some others, world by world.

    A seed draws the samples too, and rows share them: differences are of pairs. Where a reference
    was not trained, nothing is compared with it.

    Args:
        scores: as of `accuracies`.
        references: names of rows, or `BEST`: in each world the unimodal row with the higher mean.

    Returns:
        Columns `strength`, `width`, `shared`, `row`, `reference`, `seeds`, `gain` in points and
        `half_width` of its 95 % interval.
    """
    lines = []
    for world, part in scores.groupby(WORLD, sort=False):
        wide = part.pivot(index="seed", columns="row", values="accuracy")
        alone = [row for row in ALONE if row in wide]
        for reference in (name for name in references if name == BEST or name in wide):
            against = wide[alone].mean().idxmax() if reference == BEST else reference
            for row in wide.columns.difference([against], sort=False):
                gain, half = paired_difference(list(wide[row]), list(wide[against]))
                lines.append((*world, row, reference, len(wide), gain, half))
    columns = [*WORLD, "row", "reference", "seeds", "gain", "half_width"]
    return pd.DataFrame(lines, columns=columns)


def _accuracy(piece: tuple) -> float:
    torch.set_num_threads(1)
    world, _, method, options, seed = piece
    data = Drawn(world, seed)
    scheme = create(method, seed, **dict(options))
    training = fit(scheme, data, MLPFusionConfig(inputs=data.widths, hidden=HIDDEN), TRAIN, seed)
    outputs, labels = evaluate(training.model, training.clips["test"])
    return accuracy(scheme.predict(outputs.logits).numpy(), labels.numpy())


def worlds(plan: Controlled) -> tuple[list[World], list[World]]:
    """Return the worlds in which every row is trained, and those of the plane's other cells.

    In the second ones only Concat and each modality alone are.

    Args:
        plan: what `params.yaml` says.
    """
    centre = plan.centre.model_dump()
    tried: dict[str, list] = {
        "strength": plan.strengths,
        "width": plan.widths,
        "shared": plan.shared,
    }
    turned = [centre | {knob: value} for knob, values in tried.items() for value in values]
    every = list(dict.fromkeys(World(**values) for values in turned))
    cells = [World(s, w, plan.centre.shared) for s, w in product(plan.strengths, plan.widths)]
    return every, [world for world in cells if world not in every]
