"""What a step of Table 3's network costs at real lengths, beside what the official code does.

The official step cannot be run here (no licence, no data). Beside ours is measured, in the same run
and in turn, our network with the official habits: attention weights are written out and dropped
out, every layer of MBT is called twice, and a dev batch as large as the training batch is forwarded
with its graph, which is kept until the step is over.
"""

import json
import re
import statistics
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn

from companion import params
from olmlib import irfb, train
from olmlib.config import TrainConfig, TransformerConfig
from olmlib.methods.table import create

LENGTHS = {"100_400": (100, 400), "200_1500": (200, 1500)}
BUDGETS = {
    "attention_100_400.olm_over_official": 0.5,
    "attention_200_1500.olm_over_official": 0.25,
    "attention_200_1500.memory_over_official": 0.25,
    "attention_100_400.olm_over_three_heads": 1.05,
    "attention_200_1500.olm_over_three_heads": 1.05,
}
MODEL = TransformerConfig(
    modalities=("audio", "visual"),
    inputs={"audio": 1024, "visual": 1024},
    n_layers=6,
    d_model=512,
    n_heads=8,
    ffn_dim=1024,
)
MBT = replace(MODEL, fusion="mbt")
OFFICIAL = replace(MBT, double_call=True, attention_dropout=0.1)
BATCH = 4
# A probe as large as the batch, so that it is the same share of a step's clips as at batch 16.
OLM = params.Row(method="olm", options={"preset": "stable", "probe_size": BATCH})
THREE_HEADS = params.Row(method="three_heads")
KINDS = ("olm", "three_heads", "naive", "mbt", "official")


def naive(q: Tensor, k: Tensor, v: Tensor, attn_mask=None, dropout_p=0.0) -> Tensor:
    """Attend with the weights written out, as `scaled_dot_product_attention` defines it."""
    scores = q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5
    if attn_mask is not None:
        scores = scores.masked_fill(~attn_mask, float("-inf"))
    return nn.functional.dropout(scores.softmax(-1), dropout_p) @ v


@contextmanager
def written_out():
    """Let the networks use `naive` inside the `with`."""
    fast, irfb.scaled_dot_product_attention = irfb.scaled_dot_product_attention, naive
    try:
        yield
    finally:
        irfb.scaled_dot_product_attention = fast


class Clips(torch.utils.data.Dataset):
    """Random clips of two modalities whose lengths differ, so that masks are needed."""

    def __init__(self, rows, audio: int, visual: int):
        self.rows, self.longest = rows, {"audio": audio, "visual": visual}

    def __len__(self):
        """Return the number of clips."""
        return len(self.rows)

    def set_epoch(self, epoch):
        """Do nothing: nothing is augmented."""

    def __getitems__(self, indices):
        """Return a batch as `SequenceClips` does."""
        rows = torch.as_tensor([self.rows[i] for i in indices])
        batch = {"row": rows, "label": rows % 6, "valence": rows % 3 - 1.0}
        for m, longest in self.longest.items():
            # The first clip of four has full length, the others down to seven tenths of it.
            batch[f"{m}_length"] = longest - (rows % BATCH) * longest // 10
            batch[m] = torch.randn(len(rows), longest, MODEL.inputs[m])
        return batch


class Data:
    """What a training needs of prepared data: splits and clips."""

    classes = tuple("abcdef")

    def __init__(self, audio: int, visual: int):
        self.lengths = audio, visual

    def rows(self, split):
        """Return the rows of 16 clips, enough for a probe of OLM."""
        return list(range(16))

    def clips(self, rows, augment, config, seed):
        """Return the clips."""
        return Clips(rows, *self.lengths)


class Trainee:
    """A training that is taken step by step on one batch of four."""

    def __init__(self, row: params.Row, lengths: str, model: TransformerConfig = MODEL):
        visual, audio = LENGTHS[lengths]
        config = TrainConfig(
            epochs=1, batch_size=BATCH, optimizer="adam", lr=1e-4, valence_weight=1.0
        )
        self.method = create(row.method, 0, **row.options)
        self.training = train.Training(self.method, Data(audio, visual), model, config, 0)
        self.batch = self.training.clips["train"].__getitems__(range(BATCH))
        self.method.on_epoch_start(self.training, 1, 1)

    def step(self, dev_graph: bool = False) -> float:
        """Take one step as the training loop does and return its seconds.

        Args:
            dev_graph: before it, forward another batch with its graph, and keep that meanwhile.
        """
        start = time.perf_counter()
        dev = self.training.network(self.batch) if dev_graph else None
        self.training.take_step(1, self.batch)
        seconds = time.perf_counter() - start
        del dev
        return seconds


def measure(rounds=2) -> dict[str, float]:
    """Return seconds per step, taken in turn except the naive one, peak memory, and ratios.

    OLM's step is a mean of steps with and without the probe, weighted by the probe's period,
    because measuring whole periods of the longer clips would take minutes each.
    """
    measured = {}
    for lengths in LENGTHS:
        olm, heads, slow = (Trainee(row, lengths) for row in (OLM, THREE_HEADS, THREE_HEADS))
        mbt, official = Trainee(OLM, lengths, MBT), Trainee(THREE_HEADS, lengths, OFFICIAL)
        period = olm.method.probe_every
        spans = {"olm": [], "probed": [], "three_heads": []}
        for trainee in (olm, heads):
            trainee.step()
        for _ in range(rounds):
            for _ in range(2):
                spans["olm"].append(olm.step())
                spans["three_heads"].append(heads.step())
            olm.method.olm.step = period
            spans["probed"].append(olm.step())
        # Afterwards, so that no other step follows one that gives so much memory back.
        mbt.step()
        spans["mbt"], spans["official"] = [], []
        for _ in range(rounds):
            spans["mbt"].append(mbt.step())
            with written_out():
                spans["official"].append(official.step(dev_graph=True))
        with written_out():
            spans["naive"] = [slow.step() for _ in range(rounds)]
        seconds = {name: statistics.median(values) for name, values in spans.items()}
        seconds["olm"] += (seconds.pop("probed") - seconds["olm"]) / period
        key = f"attention_{lengths}"
        measured |= {f"seconds.{key}.{name}": value for name, value in seconds.items()}
        measured[f"{key}.olm_over_official"] = seconds["mbt"] / seconds["official"]
        measured[f"{key}.olm_over_three_heads"] = seconds["olm"] / seconds["three_heads"]
        measured[f"{key}.three_heads_over_naive"] = seconds["three_heads"] / seconds["naive"]
        del olm, heads, slow, mbt, official
        peaks = {kind: memory(lengths, kind) for kind in KINDS}
        measured |= {f"gib.{key}.{name}": value for name, value in peaks.items()}
        for ours, other in (("olm", "three_heads"), ("olm", "naive"), ("mbt", "official")):
            measured[f"{key}.memory_over_{other}"] = peaks[ours] / peaks[other]
    return measured


def memory(lengths: str, kind: str) -> float:
    """Return the peak memory of a process that takes two steps, in GiB, see `main`."""
    command = [sys.executable, "-m", "benchmarks.attention", lengths, kind]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def main() -> None:
    """Take two steps and print the process's peak memory in GiB, on Linux; called by `memory`.

    `olm`: a step of OLM with its probe; `three_heads`; `naive`: that with attention written out;
    `mbt`: as `olm`, in MBT; `official`: that with all the official habits.
    """
    lengths, kind = sys.argv[1:]
    model = {"mbt": MBT, "official": OFFICIAL}.get(kind, MODEL)
    trainee = Trainee(OLM if kind in ("olm", "mbt") else THREE_HEADS, lengths, model)
    if kind in ("naive", "official"):
        irfb.scaled_dot_product_attention = naive
    for _ in range(2):
        trainee.step(dev_graph=kind == "official")
    # Not `ru_maxrss`: in a child it starts from the parent's.
    peak = re.search(r"VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text())
    print(json.dumps(int(peak[1]) / 2**20))


if __name__ == "__main__":
    main()
