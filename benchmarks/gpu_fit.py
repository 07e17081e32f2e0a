"""`train.fit` on a GPU: how fast, how much of it waiting, and the same in pieces and in parts."""

import os
import signal
import statistics
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor, multiprocessing
from torch.autograd import DeviceType
from torch.nn.functional import cross_entropy
from torch.profiler import ProfilerActivity, profile

from benchmarks.gpu_report import Report
from benchmarks.gpu_sizes import Sizes, repeated
from benchmarks.gpu_steps import Trainee, difference, seconds, wait
from olmlib import train
from olmlib.config import LateFusionConfig, TrainConfig
from olmlib.data.arrays import Prepared
from olmlib.data.arrive import ready
from olmlib.data.synthetic import synthetic
from olmlib.methods.base import Method
from olmlib.methods.table import create

WAITING, OVER_BARE = 0.05, 0.95
# Sums of two halves round otherwise than sums of the whole.
TWO_OVER_ONE = 1e-2
# Seconds for processes that import everything and train for a moment.
PATIENCE = 120


def watched(method: Method, start: Callable[[int, int], None], step: Callable[[], None]) -> Method:
    """Call `start(epoch, steps)` before the first and `step()` after each step of an epoch."""
    on_epoch_start, after_step = method.on_epoch_start, method.after_step

    def started(training, epoch, steps):
        on_epoch_start(training, epoch, steps)
        start(epoch, steps)

    def stepped(outputs, labels):
        after_step(outputs, labels)
        step()

    method.on_epoch_start, method.after_step = started, stepped  # type: ignore[method-assign]
    return method


class Clock:
    """Seconds of each epoch's steps, and in the last epoch what the GPU did during some of them."""

    def __init__(self, epochs: int, device: str):
        self.epochs, self.device = epochs, device
        self.seconds: list[float] = []
        self.waiting: float | None = None

    def start(self, epoch: int, steps: int) -> None:
        """Begin an epoch."""
        wait(self.device)
        self.epoch, self.steps, self.done, self.begun = epoch, steps, 0, time.perf_counter()

    def step(self) -> None:
        """Count a step."""
        self.done += 1
        if self.done == self.steps:
            wait(self.device)
            self.seconds.append(time.perf_counter() - self.begun)
        if self.epoch < self.epochs or self.device == "cpu":
            return
        # The middle half of the last epoch.
        if self.done == self.steps // 4:
            wait(self.device)
            self.profile = profile(activities=[ProfilerActivity.CUDA])
            self.profile.start()
        elif self.done == 3 * self.steps // 4:
            wait(self.device)
            self.profile.stop()
            self.waiting = idle_share(
                [
                    (event.time_range.start, event.time_range.end)
                    for event in self.profile.events()
                    # Copying a batch is no work: the network waits for it.
                    if event.device_type == DeviceType.CUDA
                    and not event.name.startswith("Memcpy HtoD")
                    and not getattr(event, "is_user_annotation", False)
                ]
            )


def idle_share(spans: list[tuple[float, float]]) -> float:
    """Return the share of the time from the first start to the last end that no span covers."""
    if not spans:
        raise ValueError("the profiler saw no kernel")
    spans = sorted(spans)
    begin = reached = spans[0][0]
    idle = 0.0
    for start, end in spans:
        idle += max(0.0, start - reached)
        reached = max(reached, end)
    return idle / (reached - begin) if reached > begin else 0.0


def rates(sizes: Sizes, report: Report, box: Path) -> None:
    """Compare clips per second of `train.fit` with a loop that only goes forwards and backwards."""
    for name in sizes.names:
        with report.attempt(name):
            _rates(name, sizes, report, box)


def _rates(name: str, sizes: Sizes, report: Report, box: Path) -> None:
    epochs, steps = 4, sizes.steps[name]
    config = sizes.train(name, epochs=epochs, mixed_precision=True, loader_workers=sizes.workers)
    data, model = sizes.data(name, box), sizes.model(name, "joint")
    bare = Trainee("joint", data, model, replace(config, loader_workers=0))
    bare.steps()
    half = {"enabled": bare.dtype != torch.float32, "dtype": bare.dtype}
    network, batch = bare.training.model, ready(bare.batch)

    def forwards_and_backwards() -> None:
        for _ in range(steps):
            with torch.autocast(sizes.device, **half):
                loss = cross_entropy(network(batch).logits["fused"], batch["label"])
            network.zero_grad()
            loss.backward()

    data = repeated(data, steps * config.batch_size)
    clock, bares = Clock(epochs, sizes.device), []

    def on_epoch(epoch: int) -> None:
        if epoch < epochs:
            bares.append(seconds(forwards_and_backwards, sizes.device) / steps)

    train.fit(
        watched(create("joint"), clock.start, clock.step), data, model, config, 0, on_epoch=on_epoch
    )
    # The first epoch warms up and the last one is watched by the profiler.
    spans = [s / clock.steps for s in clock.seconds[1:-1]]
    label = f"{name}, {str(bare.dtype).removeprefix('torch.')}, joint"
    report.add(f"{label}: clips per second of fit", config.batch_size / statistics.median(spans))
    plain = statistics.median(bares[1:])
    report.add(f"{label}: clips per second forwards and backwards", config.batch_size / plain)
    ratio = statistics.median(b / s for b, s in zip(bares[1:], spans, strict=True))
    report.add(f"{label}: fit over forwards and backwards", ratio, OVER_BARE, at_least=True)
    what = f"{label}: share of a step in which the GPU waits"
    if clock.waiting is None:
        report.missing(what, "there is no GPU")
    else:
        report.add(what, clock.waiting, WAITING)


def resumed(sizes: Sizes, report: Report, box: Path) -> None:
    """Kill a training with SIGKILL in its second epoch, resume it, and compare the weights."""
    folder = _few(box)
    twice = [_weights(folder, sizes.device) for _ in range(2)]
    report.add("as it is: one training twice, relative difference", difference(*twice))
    file = box / "resumed" / "checkpoint.pt"
    # In a process of its own: nothing of it is left but the file.
    spawned(_killed, (folder, file, sizes.device), 1, code=-signal.SIGKILL)
    whole, found = (
        _weights(folder, sizes.device, deterministic=True, checkpoint=f) for f in (None, file)
    )
    report.add("deterministic: resumed and not, relative difference", difference(whole, found), 0.0)


def two_processes(sizes: Sizes, report: Report, box: Path) -> None:
    """Train with two processes on one device and compare with one process."""
    folder, out = _few(box), box / "ranks"
    out.mkdir()
    spawned(_rank, (folder, out, sizes.device), 2)
    one = _weights(folder, sizes.device)
    first, second = (torch.load(out / f"{rank}.pt") for rank in range(2))
    report.add("the two, relative difference", difference(first, second), 0.0)
    report.add("two and one, relative difference", difference(one, first), TWO_OVER_ONE)


def spawned(work: Callable, arguments: tuple, count: int, code: int = 0) -> None:
    """Run `work(rank, *arguments)` in new processes, which must end with `code`, in time."""
    # Forked from a process that has imported everything and never saw the GPU.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([train.__name__])
    ranks = [context.Process(target=work, args=(rank, *arguments)) for rank in range(count)]
    for process in ranks:
        process.start()
    end = time.monotonic() + PATIENCE
    for process in ranks:
        process.join(max(0.0, end - time.monotonic()))
    late = [process for process in ranks if process.is_alive()]
    for process in late:
        process.kill()
        process.join()
    if late:
        raise TimeoutError(f"{len(late)} of {count} processes had not ended after {PATIENCE} s")
    if any(process.exitcode != code for process in ranks):
        raise RuntimeError(f"processes ended with {[p.exitcode for p in ranks]}, not {code}")


def _few(box: Path) -> Path:
    folder = box / "few"
    if not folder.exists():
        synthetic(folder, clips=90, classes=3, frames=40, size=32, bins=33)
    return folder


def _weights(
    folder: Path, device: str, method: Method | None = None, deterministic=False, **options
) -> Tensor:
    """Train OLM for three epochs and return the last weights and the history, end to end."""
    config = TrainConfig(
        epochs=3,
        batch_size=18,
        lr=1e-3,
        crop_scale=(0.6, 1.0),
        device=device,
        deterministic=deterministic,
    )
    training = train.fit(
        method or create("olm", 0, probe_every=2),
        Prepared(folder),
        LateFusionConfig(width=8),
        config,
        0,
        **options,
    )
    history = {k: v for k, v in training.history.arrays().items() if k in ("loss", "w", "norm")}
    parts = [torch.from_numpy(v).flatten().double() for v in history.values()]
    return torch.cat(parts + [v.flatten().double().cpu() for v in training.last.values()])


def _killed(rank: int, folder: Path, file: Path, device: str) -> None:
    epochs = []

    def step() -> None:
        if len(epochs) == 2:
            os.kill(os.getpid(), signal.SIGKILL)

    method = watched(
        create("olm", 0, probe_every=2), lambda epoch, steps: epochs.append(epoch), step
    )
    _weights(folder, device, method, deterministic=True, checkpoint=file)


def _rank(rank: int, folder: Path, out: Path, device: str) -> None:
    # Both have the first GPU; NCCL would refuse that.
    os.environ["LOCAL_RANK"] = "0"
    torch.set_num_threads(1)
    dist.init_process_group("gloo", f"file://{out}/store", rank=rank, world_size=2)
    try:
        # The first one reports every epoch, in the middle of the table.
        with redirect_stdout(None):
            torch.save(_weights(folder, device), out / f"{rank}.pt")
    finally:
        dist.destroy_process_group()
