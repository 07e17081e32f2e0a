"""One step on a GPU: is it what the CPU takes, how long does it last, what does it wait for?"""

import statistics
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from benchmarks.gpu_report import Report
from benchmarks.gpu_sizes import Sizes
from olmlib import optimise, train
from olmlib.config import NetworkConfig, TrainConfig
from olmlib.data.arrays import loader
from olmlib.data.arrive import moved
from olmlib.data.clips import Data
from olmlib.methods.table import METHODS, create

# OGM-GE's noise is drawn on the device, where another generator draws other numbers.
OPTIONS: dict[str, dict] = {"unimodal": {"modality": "audio"}, "ogm_ge": {"ge": False}}
# In float32, of the first step, and of the third, when coefficients have moved.
TOLERANCE = {"loss": 1e-4, "gradients": 1e-3, "coefficients": 1e-2}
MIXED_TOLERANCE = 3e-2
OVER_THREE_HEADS = 1.02
PROBE = 16


class Trainee:
    """A training that is taken step by step on one batch, which the device has already."""

    def __init__(
        self, name: str, data: Data, model: NetworkConfig, config: TrainConfig, **options
    ) -> None:
        self.method = create(name, 0, **OPTIONS.get(name, {}), **options)
        self.training = train.Training(self.method, data, model, config, 0)
        self.method.pre_run(self.training)
        self.dtype = torch.float32
        self.training.model.register_forward_hook(self._look)
        batch = next(iter(loader(self.training.clips["train"], config.batch_size)))
        self.batch = moved(batch, self.training.device)
        self.start(1)

    def start(self, epoch: int) -> None:
        """Begin an epoch of one step."""
        self.method.on_epoch_start(self.training, epoch, 1)
        self.epoch = epoch

    def steps(self, count=1) -> None:
        """Take some steps."""
        for _ in range(count):
            self.training.take_step(self.epoch, self.batch)

    def gradients(self) -> Tensor:
        """Return the gradients of the last step, end to end, on the CPU."""
        found = (p.grad for p in self.training.model.parameters())
        return torch.cat([g.flatten().float().cpu() for g in found if g is not None])

    def coefficients(self) -> Tensor:
        """Return what the method recorded of its last step, end to end; empty if nothing."""
        found = [v.flatten().double().cpu() for v in self.method.record().values()]
        return torch.cat(found) if found else torch.empty(0)

    def loss(self) -> Tensor:
        """Return the loss of the last step."""
        return torch.from_numpy(self.training.history.arrays()["loss"][-1:])

    def _look(self, module, arguments, outputs) -> None:
        # The probe of OLM runs outside of mixed precision.
        if torch.is_grad_enabled():
            self.dtype = next(iter(outputs.logits.values())).dtype


def difference(one: Tensor, other: Tensor) -> float:
    """Return how far `other` is from `one`, over the size of `one`; 0 where both are 0."""
    distance = (one - other).norm()
    return 0.0 if distance == 0 else (distance / one.norm()).item()


@contextmanager
def without_tf32() -> Iterator[None]:
    """Let float32 be float32 inside the `with`: no convolution and no product in TF32."""
    kept = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32 = kept


def parity(sizes: Sizes, report: Report, box: Path) -> None:
    """Compare loss, gradients and coefficients of every method with the CPU's, in float32."""
    with without_tf32():
        for label, name, which in (
            *((name, name, "parity") for name in METHODS),
            ("olm, transformer", "olm", "mer2023"),
        ):
            with report.attempt(label):
                for what, found in _differences(*_pair(name, which, sizes, box)).items():
                    report.add(f"{label}: {what}, relative difference", found, TOLERANCE[what])
    with report.attempt("olm, float32 as the loop leaves it"):
        differences = _differences(*_pair("olm", "parity", sizes, box))
        report.add("olm, float32 as the loop leaves it: gradients", differences["gradients"])
    with report.attempt("olm, mixed precision"):
        one, other = _pair("olm", "parity", sizes, box, mixed_precision=True)
        differences = _differences(one, other)
        label = f"olm, mixed precision ({str(other.dtype).removeprefix('torch.')})"
        report.add(f"{label}: loss", differences["loss"], MIXED_TOLERANCE)
        report.add(f"{label}: gradients", differences["gradients"])


def _pair(name: str, which: str, sizes: Sizes, box: Path, **changes) -> tuple[Trainee, Trainee]:
    """Return one training on the CPU and the same one on the device, before their first step."""
    small = replace(
        sizes,
        tables={"parity": sizes.parity},
        batch=16,
        width=8 if sizes.device == "cpu" else 16,
        lengths={m: min(100, n) for m, n in sizes.lengths.items()},
        transformer=replace(sizes.transformer, dropout=0.0),
        batch3=8,
    )
    data, config = small.data(which, box / "parity"), small.train(which, lr=1e-3, **changes)
    first, second = (
        Trainee(name, data, small.model(which, name), replace(config, device=device))
        for device in ("cpu", sizes.device)
    )
    return first, second


def _differences(*pair: Trainee) -> dict[str, float]:
    """Return the differences of two trainings after one step, of coefficients after three."""
    for trainee in pair:
        trainee.steps()
    found = {"loss": difference(*(t.loss() for t in pair))}
    found["gradients"] = difference(*(t.gradients() for t in pair))
    for trainee in pair:
        # Beyond the warm-up of methods that have one.
        trainee.start(2)
        trainee.steps(2)
    if len(pair[0].coefficients()):
        found["coefficients"] = difference(*(t.coefficients() for t in pair))
    return found


def times(sizes: Sizes, report: Report, box: Path) -> None:
    """Time steps of Concat, three heads and OLM, in turn, and say what memory each takes."""
    for table in sizes.names:
        for mixed in (False, True):
            with report.attempt(f"{table}, {'mixed precision' if mixed else 'float32'}"):
                _times(table, mixed, sizes, report, box)


def _times(table: str, mixed: bool, sizes: Sizes, report: Report, box: Path) -> None:
    data, config = sizes.data(table, box), sizes.train(table, mixed_precision=mixed)
    trainees, memory = {}, {}
    for name in ("joint", "three_heads", "olm"):
        before = allocated(sizes.device)
        trainee = Trainee(name, data, sizes.model(table, name), config)
        # The probe is in the first step, so that the peak has it.
        trainee.steps(2)
        own = allocated(sizes.device) - before
        memory[name] = own + _peak(trainee, sizes.device)
        trainees[name] = trainee
    dtype = str(trainees["olm"].dtype).removeprefix("torch.")
    if mixed and dtype != "bfloat16":
        report.missing(f"{table}, bfloat16", f"mixed precision of the loop is {dtype} here")
    if mixed and dtype == "float32":
        return
    spans: dict[str, list[float]] = {name: [] for name in trainees}
    begun = time.perf_counter()
    for done in range(sizes.rounds):
        if done and time.perf_counter() - begun > sizes.seconds:
            break
        for name, trainee in trainees.items():
            spans[name].append(seconds(lambda t=trainee: t.steps(PROBE), sizes.device) / PROBE)
    for name, values in spans.items():
        label = f"{table}, {dtype}, {name}"
        report.add(f"{label}: ms per step", 1e3 * statistics.median(values))
        if sizes.device != "cpu":
            report.add(f"{label}: GiB at the peak", memory[name] / 2**30)
    ratios = [olm / heads for olm, heads in zip(spans["olm"], spans["three_heads"], strict=True)]
    report.add(
        f"{table}, {dtype}: OLM over three heads", statistics.median(ratios), OVER_THREE_HEADS
    )


def price(sizes: Sizes, report: Report, box: Path) -> None:
    """Time OLM's steps with kernels whose sums have a fixed order, and with any."""
    for table in sizes.names:
        with report.attempt(table):
            config = sizes.train(table, mixed_precision=True, deterministic=True)
            trainee = Trainee("olm", sizes.data(table, box), sizes.model(table, "olm"), config)
            spans: dict[bool, list[float]] = {True: [], False: []}
            # The first of both is for warming up.
            for _ in range(1 + min(2, sizes.rounds)):
                for fixed, found in spans.items():
                    wanted = replace(config, deterministic=fixed)
                    with optimise.deterministic(wanted, trainee.training.device):
                        found.append(seconds(lambda t=trainee: t.steps(PROBE), sizes.device))
            ratio = statistics.median(a / b for a, b in zip(*spans.values(), strict=True))
            report.add(f"{table}: a deterministic step over another", ratio)


def _peak(trainee: Trainee, device: str) -> int:
    """Return the bytes that a step with the probe takes beyond those that it leaves."""
    if device == "cpu":
        return 0
    if hasattr(trainee.method, "olm"):
        trainee.method.olm.step = 0
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    trainee.steps()
    torch.cuda.synchronize()
    return torch.cuda.max_memory_allocated() - before


def allocated(device: str) -> int:
    """Return the bytes in use on the GPU; 0 without one."""
    return torch.cuda.memory_allocated() if device != "cpu" else 0


def seconds(work, device: str) -> float:
    """Return the seconds of some work, until the device has done it."""
    wait(device)
    start = time.perf_counter()
    work()
    wait(device)
    return time.perf_counter() - start


def wait(device: str) -> None:
    """Return when the device has nothing left to do."""
    if device != "cpu":
        torch.cuda.synchronize()


def synchronisations(sizes: Sizes, report: Report, box: Path) -> None:
    """Count how often a step makes the host wait for the GPU, over one period of OLM's probe."""
    if sizes.device == "cpu":
        return report.missing("synchronisations per step", "there is no GPU")
    for name in METHODS:
        with report.attempt(name):
            trainee = _pair(name, "parity", sizes, box)[1]
            trainee.steps(2)
            report.add(f"{name}: synchronisations per step", _synchronised(trainee))


def _synchronised(trainee: Trainee) -> float:
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        torch.cuda.set_sync_debug_mode("warn")
        try:
            trainee.steps(PROBE)
        finally:
            torch.cuda.set_sync_debug_mode("default")
    return sum("synchronizing" in str(w.message) for w in found) / PROBE
