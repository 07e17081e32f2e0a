r"""Train one run of the grid by several processes, for a run too large for one.

torchrun --nproc-per-node 2 -m companion.runs.torchrun \
    --profile mini --dataset cremad --row olm --seed 0
"""

import argparse

import torch.distributed as dist

from companion.runs import folder, grid, identity, processor
from olmlib import ranks, train
from olmlib.methods.table import create


def main(arguments: list[str] | None = None) -> None:
    """Train the run that the command line names, together with the other processes."""
    parser = argparse.ArgumentParser("companion.runs.torchrun", description=__doc__)
    for name in ("profile", "dataset", "row"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--seed", type=int, required=True)
    wanted = parser.parse_args(arguments)
    try:
        run = find(**vars(wanted))
    except ValueError as error:
        parser.error(str(error))
    if not dist.is_torchelastic_launched():
        parser.error("start it with torchrun --nproc-per-node N -m companion.runs.torchrun ...")
    # As in the notebooks, whose grid this run belongs to.
    processor.hold()
    gpu = run.config.train.device.startswith("cuda")
    dist.init_process_group("cpu:gloo,cuda:nccl" if gpu else "gloo")
    try:
        outcome = execute(run)
        if ranks.first():
            print(f"{run.folder}  {outcome}", flush=True)
    finally:
        dist.destroy_process_group()


def find(profile: str, dataset: str, row: str, seed: int) -> identity.Run:
    """Return one run of the grid of the `params.yaml` in this folder.

    Raises:
        ValueError: the grid has no such run.
    """
    runs = {run.seed: run for run in grid.runs_of(profile, dataset, [row])}
    if seed not in runs:
        raise ValueError(f"no seed {seed} in profile {profile}; it has {sorted(runs)}")
    return runs[seed]


def execute(run: identity.Run) -> str:
    """Make sure, on every rank, that the run's folder holds its result; the first one writes it.

    Returns:
        `reused`, or what `grid.execute` says on the first rank.
    """
    identity = run.identity()["identity"]
    # One rank asks for all: ranks that look at different times could disagree and wait for ever.
    answer = [folder.is_finished(run, identity) if ranks.first() else None]
    dist.broadcast_object_list(answer)
    if answer[0]:
        return "reused"
    if ranks.first():
        return grid.execute(run)
    method = create(run.row.method, run.seed, **run.row.options)
    data = run.data()
    train.fit(
        method,
        data,
        run.model(data),
        run.config.train,
        run.seed,
        run.work / run.folder.name / "checkpoint.pt",
        identity,
    )
    return "trained"


if __name__ == "__main__":
    main()
