"""Two processes with half of every batch each train the model that one process trains."""

import os
import subprocess
import sys
from dataclasses import asdict, replace

import numpy as np
import pandas as pd
import pytest
import torch
import torch.distributed as dist
import yaml
from torch.testing import assert_close

from companion.runs import folder, grid
from olmlib import train
from olmlib.config import LateFusionConfig, TrainConfig
from olmlib.data.arrays import Prepared
from olmlib.data.synthetic import synthetic
from olmlib.methods.table import create

pytestmark = pytest.mark.skipif(
    not (dist.is_available() and dist.is_gloo_available()), reason="this torch has no gloo"
)
MODEL = LateFusionConfig(width=8)
# 19 training clips: two batches of 8 and one of 3, of which the processes have 1 and 2.
CONFIG = TrainConfig(epochs=2, batch_size=8, lr=0.02, crop_scale=(0.6, 1.0))
METHODS = {
    "olm": {},
    "olm, code": {"preset": "code", "dev_iter": "cycle", "network_loss": "mean"},
}
REFUSED = {
    "ogm_ge": ("ogm_ge", {}),
    "olm, summed": ("olm", {"preset": "code"}),
    "joint, film": ("joint", {"fusion": "film"}),
}
# Sums over two halves round otherwise than sums over the whole, and these batch norms of very few
# samples amplify that some forty times per step: six steps in double precision leave this.
TOLERANCE = {"rtol": 1e-4, "atol": 1e-6}


def in_double(method):
    """Let a method train in double precision."""
    build = method.build

    def cast(model, arguments):
        (batch,) = arguments
        return ({k: v.double() if v.is_floating_point() else v for k, v in batch.items()},)

    def build_in_double(num_classes, config):
        model = build(num_classes, config).double()
        model.register_forward_pre_hook(cast)
        return model

    method.build = build_in_double
    return method


def trained(name, folder, config=CONFIG, **options):
    torch.set_num_threads(1)
    method = in_double(create(name.split(",")[0], 0, **METHODS[name]))
    result = train.fit(method, Prepared(folder), MODEL, config, 0, **options)
    arrays = result.history.arrays()
    arrays.pop("heads")
    return {
        "weights": result.last,
        "history": {key: torch.from_numpy(value) for key, value in arrays.items()},
        "epochs": torch.from_numpy(result.epochs.to_numpy()),
    }


class Stop(Exception):
    """The processes end here."""


def stop(epoch):
    raise Stop


def error_of(call, *arguments, **options):
    try:
        call(*arguments, **options)
    except Exception as error:
        return error
    return None


def process(rank, folder, results):
    """What each of the two processes does."""
    dist.init_process_group("gloo", f"file://{results}/store", rank=rank, world_size=2)
    found = {name: trained(name, folder) for name in METHODS}
    file = results / "checkpoint.pt"
    found["stopped"] = str(type(error_of(trained, "olm", folder, checkpoint=file, on_epoch=stop)))
    found["resumed"] = trained("olm", folder, checkpoint=file)
    for case, (name, options) in REFUSED.items():
        scheme = create(name, 0, **options)
        found[case] = str(error_of(train.fit, scheme, Prepared(folder), MODEL, CONFIG, 0))
    small = replace(CONFIG, batch_size=1)
    found["small"] = str(error_of(trained, "olm", folder, small))
    torch.save(found, results / f"{rank}.pt")
    dist.destroy_process_group()


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "set"
    return synthetic(folder, clips=31, classes=3, frames=40, size=32, bins=65).folder


@pytest.fixture(scope="module")
def pair(data, tmp_path_factory):
    """What the first and the second process found."""
    results = tmp_path_factory.mktemp("results")
    # Both are forked from a process that has the libraries and has computed nothing.
    torch.multiprocessing.set_forkserver_preload([train.__name__])
    torch.multiprocessing.start_processes(
        process, (data, results), nprocs=2, start_method="forkserver"
    )
    return [torch.load(results / f"{rank}.pt") for rank in range(2)]


@pytest.mark.parametrize("name", METHODS)
def test_two_processes_train_what_one_trains(name, pair, data):
    assert_close(pair[0][name], trained(name, data), equal_nan=True, **TOLERANCE)


@pytest.mark.parametrize("name", METHODS)
def test_every_process_has_the_same_model_and_coefficients_to_the_bit(name, pair):
    assert_close(pair[1][name], pair[0][name], equal_nan=True, rtol=0, atol=0)


def test_coefficients_move_at_all(pair):
    for name in ("olm", "olm, code"):
        w = pair[0][name]["history"]["w"]
        assert len(w) == 6 and (w[-1] - 1).abs().min() > 1e-4


def test_stopped_and_continued_equals_uninterrupted_to_the_bit(pair):
    for found in pair:
        assert "Stop" in found["stopped"]
        assert_close(found["resumed"], found["olm"], equal_nan=True, rtol=0, atol=0)


@pytest.mark.parametrize("case", REFUSED)
def test_a_method_that_would_take_a_part_for_the_batch_is_refused(case, pair):
    for found in pair:
        assert f"method {REFUSED[case][0]}" in found[case] and "without torchrun" in found[case]


def test_a_batch_smaller_than_the_number_of_processes_is_refused(pair):
    for found in pair:
        assert "train.batch_size" in found["small"]


def torchrun(folder, root, *arguments):
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    command += ["-m", "companion.runs.torchrun", *arguments]
    env = os.environ | {"PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=120)


def test_torchrun_trains_a_run_of_the_grid(data, root, tmp_path):
    settings = yaml.safe_load((root / "params.yaml").read_text())
    settings["profiles"]["mini"]["cremad"] |= {
        "model": asdict(MODEL),
        "train": asdict(replace(CONFIG, lr=1e-4)),
    }
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(settings))
    (tmp_path / "prepared/mini").mkdir(parents=True)
    (tmp_path / "prepared/mini/cremad").symlink_to(data)
    words = "--profile mini --dataset cremad --row olm --seed 0".split()
    done = torchrun(tmp_path, root, *words)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line.split()[:2] for line in lines[:2]] == [["epoch", "1/2"], ["epoch", "2/2"]]
    assert len(lines) == 3 and lines[2].endswith("trained")

    run = grid.runs_of("mini", "cremad", ["olm"], tmp_path)[0]
    assert grid.execute(run) == "reused", "it is the run of the grid"
    alone = replace(run, runs=tmp_path / "alone", work=tmp_path / "work")
    torch.set_num_threads(1)
    grid.execute(alone)
    # Single precision leaves up to 2e-3 after six steps; two processes are shown to train the same
    # model above, in double precision.
    for name, value in folder.iterations(alone).items():
        if name != "heads":
            np.testing.assert_allclose(folder.iterations(run)[name], value, rtol=1e-2, atol=1e-2)
    one, other = (torch.load(r.folder / "model.pt") for r in (run, alone))
    assert_close(one, other, rtol=1e-2, atol=1e-2)
    one, other = (pd.read_csv(r.folder / "epochs.csv") for r in (run, alone))
    pd.testing.assert_frame_equal(one, other, rtol=1e-2, atol=1e-2)
