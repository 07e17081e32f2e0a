"""Run folders with made-up numbers, as `companion.runs` writes them, to test tables and figures."""

import json

import numpy as np
import pandas as pd

from companion import params
from companion.runs import identity
from companion.runs.grid import runs_of, sweep_of

CLASSES = ("NEU", "HAP", "SAD", "FEA", "DIS", "ANG")
HEADS = ("audio", "visual", "fused")


def make(root, profile="smoke", dataset="cremad", seeds_differ=0.02, steps=5, epochs=4):
    """Write every run of Table 1 of a profile under `root` and return the grid."""
    (root / "params.yaml").write_bytes((identity.sources.ROOT / "params.yaml").read_bytes())
    grid = runs_of(profile, dataset, root=root)
    names = list(params.load(root / "params.yaml").rows)
    prepared = grid[0].prepared
    prepared.mkdir(parents=True, exist_ok=True)
    write_json(prepared / "meta.json", name=dataset, classes=CLASSES, digest="0")
    (prepared / "records.csv").write_text("row,id,label,split,group\n")
    np.save(prepared / "audio.npy", np.zeros((0, 1)))
    np.save(prepared / "visual.npy", np.zeros((0, 1)))
    for run in grid:
        place = names.index(run.name)
        write(run, 0.5 + 0.01 * place + seeds_differ * run.seed, steps, epochs)
    return grid


def make_sweep(root, profile="smoke", dataset="cremad"):
    """Write the runs of Algorithm 1 that Table 1 lacks, after `make`, and return all of them."""
    sweep = sweep_of(profile, dataset, root)
    for run in sweep:
        if not run.folder.exists():
            write(run, 0.3 + 0.001 * run.row.options["steps"] + 0.02 * run.seed)
    return sweep


def write(run, accuracy, steps=5, epochs=4):
    """Write one run whose prediction has this accuracy; audio is 0.1 lower, visual 0.2.

    Its identity is that of today, so that it counts as finished; its prepared data must be there.
    """
    run.folder.mkdir(parents=True, exist_ok=True)
    unimodal = run.row.method == "unimodal"
    heads = (run.row.options["modality"],) if unimodal else HEADS
    lower = {"audio": 0.1, "visual": 0.2, "fused": 0.0}
    own = {f"accuracy_{h}": accuracy - (0 if unimodal else lower[h]) for h in heads}
    metrics = {"accuracy": accuracy, "map": accuracy + 0.05, **own, "accuracy_sum": accuracy}
    if run.row.method == "olm":
        metrics["accuracy_weighted_sum"] = accuracy
    last = {name: value - 0.01 for name, value in metrics.items()}
    write_json(run.folder / "metrics.json", selected_epoch=epochs, test=metrics, last=last)
    write_json(run.folder / "identity.json", **run.identity())
    np.savez(run.folder / "predictions.npz", label=np.arange(60) % len(CLASSES))

    time = np.arange(1, epochs + 1)
    table = pd.DataFrame({"epoch": time, "test_accuracy": accuracy * time / epochs})
    table["dev_accuracy"] = table["test_accuracy"]
    for head in heads:
        table[f"test_accuracy_{head}"] = table["test_accuracy"] - lower[head] * time / epochs
    table.to_csv(run.folder / "epochs.csv", index=False)

    epoch = np.repeat(time, steps)
    scale = np.array([{"audio": 2.0, "visual": 1.0, "fused": 2.5}[head] for head in heads])
    rate = 1 + 0.1 * np.arange(len(CLASSES))
    norm = (np.log1p(epoch) * (1 + 0.1 * run.seed))[:, None, None] * scale[:, None] * rate
    norm[::steps, :, 0] = np.nan  # a batch without the first class
    arrays = {"heads": np.array(heads), "step": np.arange(len(epoch)), "epoch": epoch}
    arrays |= {"norm_class": norm, "score_class": 0.8 * norm - 0.5}
    if run.row.method == "olm":
        drift = 0.02 * np.arange(len(epoch))[:, None] * np.array([-1, 1, 0.2])
        arrays["w"] = 1 + drift * (1 + 0.2 * run.seed)
    np.savez(run.folder / "iterations.npz", **arrays)


def write_json(path, **content):
    path.write_text(json.dumps(content))


def execute(notebook, **parameters):
    """Run a notebook's code cells in this process and return its names."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    names = {}
    for cell in cells:
        if cell["cell_type"] == "code":
            exec("".join(cell["source"]), names)
            if "parameters" in cell["metadata"].get("tags", []):
                names.update(parameters)
    return names
