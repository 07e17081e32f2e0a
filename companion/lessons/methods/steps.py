"""What two methods do from step to step, without the toy batch: CUR and AVSlowFast."""

from types import SimpleNamespace

import pandas as pd
import torch
from torch import nn

from companion.lessons.methods.toy import CLASSES, MODALITIES, as_table, curve, per_head
from olmlib.config import LateFusionConfig
from olmlib.methods import cur
from olmlib.models.avslowfast import AVSlowFastLite


def cur_speeds(steps=60) -> pd.DataFrame:
    """Return both branches' learning speeds, and which one each step cuts off, by CUR's rule."""
    # Not the batch and no network: audio's gates move fast at first, all else at constant speeds.
    scheme, rows = cur.Scheme(), []
    scheme.start(MODALITIES)
    fusion, branch = ({m: nn.Parameter(torch.ones(1)) for m in MODALITIES} for _ in range(2))
    model = SimpleNamespace(fusion=lambda m: [fusion[m]], branch=lambda m: [branch[m]])
    for step in range(1, steps + 1):
        scheme.epoch = 1 if step <= 6 else 2
        for m, moving in {"audio": 0.3 * 0.93**step, "visual": 0.2}.items():
            fusion[m].grad, branch[m].grad = torch.full((1,), moving), torch.full((1,), 0.5)
        scheme.after_backward(model)
        record = scheme.record()
        rows += per_head("speed", step, record["speed"][:2])
        rows += per_head("cut off", step, record["blocked"][:2])
    return as_table(rows)


def avslowfast_drops(batches=200) -> pd.DataFrame:
    """Return, batch by batch, whether DropPathway keeps the laterals (1) or drops them (0)."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = AVSlowFastLite(CLASSES, LateFusionConfig(width=8)).train()
        kept = [1 - model.drops() for _ in range(batches)]
    return as_table(curve("", "", range(1, batches + 1), kept))
