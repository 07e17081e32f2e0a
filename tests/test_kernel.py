"""A kernel has this project's environment from its start, and nothing of the user's."""

import json
import os
import platform
import subprocess
import sys

import nbformat
import pytest

from companion import kernel, notebooks
from companion.runs import processor

# The command, on a processor that has AVX-512 whichever this one is.
ON_AVX512 = """
import sys
from companion import notebooks
from companion.runs import processor
processor.variables = lambda: processor.X86 | processor.AVX512
notebooks.main(sys.argv[1:])
"""
HELD = processor.X86 | processor.AVX512

# First of all, as in an editor that loads libraries into a kernel before anyone's first cell.
LIBRARIES = """
import numpy, torch
from numpy._core._multiarray_umath import __cpu_features__ as features
wide = any(features[name] for name in ("X86_V4", "AVX512_ICL", "AVX512_SPR"))
print(torch.backends.cpu.get_cpu_capability(), wide)
"""
START = """
import json
from pathlib import Path
words = Path("/proc/self/environ").read_text().split("\\0")
print(json.dumps(dict(word.split("=", 1) for word in words if "=" in word)))
"""
FIGURE = """
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from companion.figures.style import save, style
table = pd.DataFrame({"x": [0.1, 2 / 3], "y": [1e-9, 0.2]})
with style():
    fig, ax = plt.subplots(figsize=(3, 2))
    ax.plot("x", "y", data=table, label="a line")
    ax.set(title="a title", xlabel="x", ylabel="y")
    ax.legend()
save(fig, out, table)
assert False not in [1 / 3 > 0.3], "asserts are on"
print(np.array([1 / 3]), plt.get_backend(), sorted(["b", "a"]))
"""


def run(place, *cells, program=("-m", "companion.notebooks"), cwd=None, parameters=(), **changed):
    """Return the text outputs of cells run by the command, `changed` in the environment."""
    made = nbformat.v4.new_notebook()
    made.cells = [nbformat.v4.new_code_cell(cell) for cell in ("out = None", *cells)]
    made.cells[0].metadata["tags"] = ["parameters"]
    place.mkdir(parents=True, exist_ok=True)
    notebooks.write(place / "n.ipynb", made)
    ours = {name for name in os.environ if name in HELD or name.startswith(kernel.PROGRAMS)}
    environment = {name: value for name, value in os.environ.items() if name not in ours}
    done = subprocess.run(
        [sys.executable, *program, "run", place / "n.ipynb", place / "executed.ipynb", *parameters],
        env=environment | {"PYTHONPATH": str(kernel.ROOT)} | changed,
        cwd=cwd,
        capture_output=True,
        text=True,
    )
    assert not done.returncode, done.stderr
    executed = notebooks.read(place / "executed.ipynb")
    return [
        "".join(out.get("text", "") for out in cell.get("outputs", [])) for cell in executed.cells
    ]


@pytest.mark.skipif(platform.machine() != "x86_64", reason="x86-64 only")
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_kernel_is_held_from_its_start(tmp_path):
    _, libraries, start = run(tmp_path, LIBRARIES, START, program=("-c", ON_AVX512))
    first = json.loads(start)
    assert {name: first.get(name) for name in HELD} == HELD
    # An executed copy names no folder above the root.
    assert first["MPLCONFIGDIR"] == "build/home/matplotlib"
    capability, wide = libraries.split()
    assert (capability in ("AVX2", "DEFAULT"), wide) == (True, "False")


def test_a_kernel_is_this_interpreter_whatever_else_is_called_python3(tmp_path):
    spec = {"argv": ["/bin/false", "{connection_file}"], "display_name": "x", "language": "python"}
    folder = tmp_path / "jupyter" / "kernels" / "python3"
    folder.mkdir(parents=True)
    (folder / "kernel.json").write_text(json.dumps(spec), encoding="utf-8")
    place = str(tmp_path / "jupyter")
    theirs = {"JUPYTER_PATH": place, "JUPYTER_DATA_DIR": place, "JUPYTER_PREFER_ENV_PATH": "0"}
    _, found = run(tmp_path, "import sys; print(sys.executable)", **theirs)
    assert os.path.samefile(found.strip(), sys.executable)


def test_a_users_configuration_changes_no_byte(tmp_path):
    home = hostile(tmp_path / "home")
    before = sorted(home.rglob("*"))
    theirs = {
        "HOME": str(home),
        "IPYTHONDIR": str(home / ".ipython"),
        "MATPLOTLIBRC": str(home / "matplotlibrc"),
        "MPLBACKEND": "TkAgg",
        "PYTHONSTARTUP": str(home / "startup.py"),
        "PYTHONOPTIMIZE": "1",
        "PYTHONWARNINGS": "error",
    }
    for name, options in (("plain", {}), ("hostile", {"cwd": home, **theirs})):
        place = tmp_path / name
        # The name is the same in both copies, so that all of their bytes can be.
        run(place, FIGURE, parameters=["-p", "out", str(tmp_path / "figure.png")], **options)
        (tmp_path / "figure.png").rename(place / "figure.png")
    for name in ("figure.png", "executed.ipynb"):
        plain, other = ((tmp_path / place / name).read_bytes() for place in ("plain", "hostile"))
        assert plain == other, name
    assert b'"image/png"' in plain
    assert sorted(home.rglob("*")) == before


def test_a_home_that_cannot_be_written_is_no_hindrance(tmp_path):
    theirs = {"HOME": "/dev/null", "XDG_CACHE_HOME": "/dev/null", "XDG_CONFIG_HOME": "/dev/null"}
    run(tmp_path, FIGURE, parameters=["-p", "out", str(tmp_path / "figure.png")], **theirs)
    assert (tmp_path / "figure.png").is_file()


def hostile(home):
    """Return a home folder in which everything that could change a figure or an output is set."""
    rc = "font.size: 24\ntext.usetex: True\nlines.linewidth: 9\nsavefig.facecolor: red\n"
    startup = "import numpy\nnumpy.set_printoptions(precision=1)\nraise SystemExit('started')\n"
    kernels = "c.InlineBackend.rc = {'font.size': 24}\nc.InlineBackend.figure_formats = ['svg']\n"
    files = {
        "matplotlibrc": rc,
        ".config/matplotlib/matplotlibrc": rc,
        ".matplotlib/matplotlibrc": rc,
        ".ipython/profile_default/startup/x.py": startup,
        ".ipython/profile_default/ipython_kernel_config.py": kernels,
        "startup.py": startup,
        "python3.py": startup,
    }
    for name, text in files.items():
        path = home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return home
