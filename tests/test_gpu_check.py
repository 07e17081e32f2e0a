"""`benchmarks.gpu` without a GPU: its arithmetic, its rows, and every part of it, small."""

import ast
import json
import math
import sys

import pytest
import torch

from benchmarks import gpu, gpu_fit, gpu_report, gpu_steps
from olmlib.methods.table import METHODS


@pytest.fixture(autouse=True)
def no_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


@pytest.fixture
def check(tmp_path):
    """Run some parts; their exit code and their rows, (part, what) -> row."""

    def run(*parts):
        file = tmp_path / "made" / "gpu.json"
        code = gpu.main(["--out", str(file), "--parts", *parts])
        rows = json.loads(file.read_text())["rows"]
        return code, {(row["part"], row["what"]): row for row in rows}

    return run


def test_the_gpu_waits_where_no_kernel_covers_the_time():
    # From 0 to 10, with gaps from 3 to 4 and from 6 to 8; one kernel lies within another.
    assert gpu_fit.idle_share([(8, 10), (0, 3), (1, 2), (4, 6)]) == pytest.approx(0.3)
    assert gpu_fit.idle_share([(0, 5), (5, 6)]) == 0
    with pytest.raises(ValueError, match="no kernel"):
        gpu_fit.idle_share([])


def test_difference_is_relative_and_nan_is_not_hidden():
    one = torch.tensor([3.0, 4.0])
    assert gpu_steps.difference(one, one + torch.tensor([0.0, 0.5])) == pytest.approx(0.1)
    assert gpu_steps.difference(torch.zeros(2), torch.zeros(2)) == 0
    assert math.isnan(gpu_steps.difference(one, torch.tensor([math.nan, 4.0])))


def test_every_row_is_written_when_it_is_measured(tmp_path):
    file = tmp_path / "rows.json"
    report = gpu_report.Report(file, {"card": "none"})
    for value, budget, at_least, held in (
        (1.0, 1.02, False, True),
        (1.03, 1.02, False, False),
        (0.96, 0.95, True, True),
        (0.94, 0.95, True, False),
        (math.nan, 0.95, True, False),
        (7.0, None, False, None),
    ):
        report.add("ratio", value, budget, at_least)
        assert json.loads(file.read_text())["rows"][-1]["held"] is held
    assert not report.failed


def test_one_failing_part_is_a_row_and_the_others_go_on(check, monkeypatch):
    def broken(sizes, report, box):
        report.add("measured before", 1.0)
        raise RuntimeError("no kernel image\nmore of it")

    monkeypatch.setitem(gpu.PARTS, "fit", broken)
    code, rows = check("fit", "synchronisations")
    assert code == 1
    assert rows["fit", "measured before"]["value"] == 1
    assert rows["fit", "fit"]["why"] == "FAILED: RuntimeError: no kernel image"
    assert "no GPU" in rows["synchronisations", "synchronisations per step"]["why"]


def test_one_failing_method_is_a_row_and_the_others_go_on(check, monkeypatch):
    def broken(self, outputs, labels):
        raise ValueError("not on this card")

    names = ("cur", "olm", "pmr", "unimodal")
    monkeypatch.setattr(gpu_steps, "METHODS", names)
    monkeypatch.setattr(METHODS["cur"], "loss", broken)
    code, rows = check("parity")
    assert code == 1 and "not on this card" in rows["parity", "cur"]["why"]
    for name in (*names[1:], "olm, transformer"):
        for what in ("loss", "gradients"):
            row = rows["parity", f"{name}: {what}, relative difference"]
            # Here the device is the CPU itself.
            assert row["value"] == 0 and row["held"], name
    assert {f"{name}: coefficients, relative difference" for name in ("olm", "pmr")} < {
        what for _, what in rows
    }


def test_another_gradient_is_seen(check, monkeypatch):
    plain = gpu_steps.Trainee.gradients
    found = []

    def wrong(self):
        found.append(None)
        return plain(self) * (1 + 0.01 * (len(found) % 2))

    monkeypatch.setattr(gpu_steps.Trainee, "gradients", wrong)
    monkeypatch.setattr(gpu_steps, "METHODS", ["olm"])
    code, rows = check("parity")
    row = rows["parity", "olm: gradients, relative difference"]
    assert code == 0 and row["held"] is False
    assert row["value"] == pytest.approx(0.01, rel=0.02)


def test_steps_and_fit_are_measured(check):
    code, rows = check("steps", "fit", "deterministic")
    assert code == 0
    for name in ("cremad", "mer2023"):
        spans = {
            method: rows["steps", f"{name}, float32, {method}: ms per step"]["value"]
            for method in ("joint", "three_heads", "olm")
        }
        assert min(spans.values()) > 0
        ratio = rows["steps", f"{name}, float32: OLM over three heads"]["value"]
        assert ratio == pytest.approx(spans["olm"] / spans["three_heads"])
        assert rows["deterministic", f"{name}: a deterministic step over another"]["value"] > 0
        assert "float32 here" in rows["steps", f"{name}, bfloat16"]["why"]
        label = f"{name}, float32, joint"
        rate = rows["fit", f"{label}: clips per second of fit"]["value"]
        assert rate > 0 and rows["fit", f"{label}: fit over forwards and backwards"]["value"] > 0
        waits = rows["fit", f"{label}: share of a step in which the GPU waits"]
        assert waits["value"] is None and "no GPU" in waits["why"]


def test_killed_and_with_two_processes(check):
    code, rows = check("two processes", "resumed")
    assert code == 0
    assert rows["resumed", "deterministic: resumed and not, relative difference"]["value"] == 0
    assert rows["two processes", "the two, relative difference"]["value"] == 0
    assert 0 < rows["two processes", "two and one, relative difference"]["value"] < 1e-2


def test_it_needs_olmlib_and_its_dependencies_only(root):
    seven = {"torch", "torchvision", "numpy", "pandas", "scipy", "sklearn", "tqdm"}
    files = sorted((root / "benchmarks").glob("gpu*.py"))
    assert len(files) > 1
    for file in files:
        for node in ast.walk(ast.parse(file.read_text())):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                package = name.partition(".")[0]
                known = package in sys.stdlib_module_names or package in seven | {"olmlib"}
                assert known or name.startswith("benchmarks.gpu") or name == "benchmarks", name
