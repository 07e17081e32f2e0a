"""What computes has this project's environment from its start, and nothing of the user's."""

import ast
import json
import os
import platform
import shlex
import subprocess
import sys
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import nbformat
import pytest
import yaml
from fontTools.ttLib import TTFont

from companion import kernel, notebooks
from companion.runs import processor, sources

# The command, on a processor that has AVX-512 whichever this one is.
ON_AVX512 = """
import sys
from companion import notebooks
from companion.runs import processor
processor.variables = lambda *_, **__: processor.X86 | processor.AVX512
notebooks.main(sys.argv[1:])
"""
HELD = processor.X86 | processor.AVX512
X86_64 = pytest.mark.skipif(platform.machine() != "x86_64", reason="x86-64 only")

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
print(json.dumps(dict(word.split("=", 1) for word in words if "=" in word), ensure_ascii=False))
"""
FIGURE = """
import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from companion.figures.style import save, style
table = pd.DataFrame({"x": [0.1, 2 / 3], "y": [1e-9, 0.2]})
with style():
    fig, ax = plt.subplots(figsize=(3, 2))
    ax.plot("x", "y", "", data=table, label="a line")
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
    # As a user's: this process has been isolated.
    own = "PYTHON IPYTHON JUPYTER MPL NUMBA OMP OLM LC_ TZ".split()
    ours = (*kernel.WISHES, *own)
    environment = {n: value for n, value in os.environ.items() if not n.startswith(ours)}
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
    assert {name: first.get(name) for name in kernel.openblas()} == kernel.openblas()
    # An executed copy names no folder above the root.
    assert first["MPLCONFIGDIR"] == "build/home/matplotlib"
    capability, wide = libraries.split()
    assert (capability in ("AVX2", "DEFAULT"), wide) == (True, "False")


def test_an_executed_copy_names_no_folder_whatever_it_is_called():
    code = """
import sys, tempfile
from pathlib import Path
place, tempfile.tempdir = sys.argv[1], f"{sys.argv[1]}/t m p"
import sysconfig
sysconfig.get_path = lambda name: f"{place}/.venv/lib/site-packages"
from companion.runs import sources
sources.ROOT = Path(place)
from companion import notebooks
for name in ("t m p/ipykernel_7/8.py:3: w", ".venv/lib/site-packages/a/b.py:3: w", "data/c.csv"):
    print(notebooks._steady(f"in {place}/{name}"))
"""
    place = "/else where/my päth (数据) & co"
    said = subprocess.check_output([sys.executable, "-c", code, place], text=True)
    assert said.splitlines() == ["in <cell>:3: w", "in site-packages/a/b.py:3: w", "in data/c.csv"]


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
    before = written(home)
    theirs = {
        "HOME": str(home),
        "IPYTHONDIR": str(home / ".ipython"),
        "MATPLOTLIBRC": str(home / "matplotlibrc"),
        "MPLBACKEND": "TkAgg",
        "PYTHONSTARTUP": str(home / "startup.py"),
        "PYTHONOPTIMIZE": "1",
        "PYTHONWARNINGS": "error",
        "PYTHONPATH": os.pathsep.join([str(home), str(kernel.ROOT)]),
        "PYTHONUTF8": "0",
        "LC_ALL": "de_DE.ISO-8859-1",
        "TZ": "Asia/Kathmandu",
        "COLUMNS": "40",
        "JOBLIB_MULTIPROCESSING": "0",
        "LIBROSA_CACHE_DIR": str(home / "librosa"),
        "NUMBA_DISABLE_JIT": "1",
        "OMP_NUM_THREADS": "3",
        "OPENBLAS_NUM_THREADS": "3",
        "SCIPY_ARRAY_API": "1",
        "TORCH_DEVICE_BACKEND_AUTOLOAD": "0",
        "TORCH_LOGS": "all",
        "XDG_CONFIG_HOME": str(home / ".config"),
        "XDG_DATA_HOME": str(home / ".local" / "share"),
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
    assert written(home) == before


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_of_the_users_variables_a_kernel_has_those_that_are_named(tmp_path):
    theirs = {"TOMORROWS_LIBRARY_SUMS": "fast", "CUDA_VISIBLE_DEVICES": "", "https_proxy": "a:1"}
    first = json.loads(run(tmp_path, START, MKL_CBWR="AUTO", **theirs)[1])
    assert "TOMORROWS_LIBRARY_SUMS" not in first
    assert (first["CUDA_VISIBLE_DEVICES"], first["https_proxy"]) == ("", "a:1")
    # Whoever wants speed instead of the same sums says so.
    assert first["MKL_CBWR"] == "AUTO"


PROGRAM = """
import sys
from companion import kernel
assert "seaborn" not in sys.modules, "a start-up file of the user ran"
kernel.restart()
import os
import matplotlib
import matplotlib.pyplot as plt
print(sys.flags.optimize, sys.flags.utf8_mode, hash("a"), sys.argv[1:], plt.rcParams["font.size"])
print(os.environ["OMP_NUM_THREADS"], sorted(n for n in os.environ if n.startswith("NUMBA")))
"""


def test_a_program_starts_anew_without_what_python_read_before_it(tmp_path):
    home = hostile(tmp_path / "home")
    (tmp_path / "program.py").write_text(PROGRAM, encoding="utf-8")
    theirs = {
        "HOME": str(home),
        "MATPLOTLIBRC": str(home / "matplotlibrc"),
        "NUMBA_DISABLE_JIT": "1",
        "OMP_NUM_THREADS": "3",
        "PYTHONHASHSEED": "7",
        "PYTHONOPTIMIZE": "1",
        "PYTHONUTF8": "0",
        "PYTHONPATH": os.pathsep.join([str(home), str(kernel.ROOT)]),
    }
    said = set()
    for changed in (theirs, {"PYTHONPATH": str(kernel.ROOT)}):
        command = [sys.executable, tmp_path / "program.py", "a b", "-x"]
        done = subprocess.run(command, env=changed, capture_output=True, text=True)
        assert not done.returncode, done.stderr
        said.add(done.stdout)
    (only,) = said
    first, second = only.splitlines()
    assert first.startswith("0 1 ") and first.endswith(" ['a b', '-x'] 10.0")
    assert second == "1 ['NUMBA_CACHE_DIR']"


def test_every_program_of_the_pipeline_starts_anew(root):
    programs = set()
    for file in ("dvc.yaml", "study/dvc.yaml"):
        for stage in yaml.safe_load((root / file).read_text(encoding="utf-8"))["stages"].values():
            words = shlex.split(stage.get("do", stage)["cmd"])
            assert words[:2] == ["python", "-m"], words
            programs.add(words[2])
    assert len(programs) > 1
    for name in programs:
        path = root.joinpath(*name.split("."))
        path = path / "__main__.py" if path.is_dir() else path.with_suffix(".py")
        lines = ast.parse(path.read_text(encoding="utf-8")).body
        (place, first), *_ = ((i, line) for i, line in enumerate(lines) if isinstance(line, ast.If))
        assert ast.unparse(first.test) == "__name__ == '__main__'"
        assert ast.unparse(first.body) == "kernel.restart()", path
        # And that before anything is imported that would be imported twice.
        before = [line for line in lines[:place] if isinstance(line, ast.Import | ast.ImportFrom)]
        names = {n for line in before for n in sources.imported(ast.unparse(line))}
        foreign = sources._foreign("\n".join(map(ast.unparse, before)), "")
        assert (names, foreign) == ({"companion", "companion.kernel"}, set()), path


def test_a_figure_drawn_outside_a_kernel_is_the_same_whatever_matplotlib_was_told(tmp_path):
    out = tmp_path / "figure.png"
    figures = set()
    theirs = {"font.size": 24, "savefig.facecolor": "red", "lines.linewidth": 9}
    theirs |= {"savefig.bbox": "tight", "axes.prop_cycle": plt.cycler(color=["red"])}
    theirs |= {"font.family": "serif", "text.antialiased": False, "axes.unicode_minus": False}
    for settings in ({}, theirs, {"text.usetex": True}, {"axes.formatter.use_locale": True}):
        with plt.rc_context(settings):
            exec(FIGURE, {"out": out})
            plt.close("all")
        figures.add(out.read_bytes())
    assert len(figures) == 1


def test_a_home_that_cannot_be_written_is_no_hindrance(tmp_path):
    theirs = {"HOME": "/dev/null", "XDG_CACHE_HOME": "/dev/null", "XDG_CONFIG_HOME": "/dev/null"}
    theirs["TMPDIR"] = str(tmp_path / "none")
    figure = ["-p", "out", str(tmp_path / "figure.png")]
    run(tmp_path, FIGURE, parameters=figure, **theirs)
    assert (tmp_path / "figure.png").is_file()


@pytest.mark.skipif(sys.platform != "linux", reason="users have numbers")
def test_a_user_without_a_name_has_one(monkeypatch):
    def unknown(number):
        raise KeyError(f"uid not found: {number}")

    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("pwd.getpwuid", unknown)
    monkeypatch.setattr(os, "environ", os.environ.copy())
    kernel.isolate()
    assert os.environ["USER"] == str(os.getuid())


SUMS = """
import hashlib
import numpy as np
import scipy.linalg
from threadpoolctl import threadpool_info
random = np.random.default_rng(0)
a, b = random.normal(size=(200, 513)), random.normal(size=(513, 64))
found = [hashlib.sha256(c.tobytes()).hexdigest() for c in (a @ b, scipy.linalg.pinv(b))]
blas = [library for library in threadpool_info() if library["internal_api"] == "openblas"]
print(len(blas), {b["architecture"] for b in blas}, {b["num_threads"] for b in blas}, *found)
"""


@X86_64
@pytest.mark.skipif(not kernel.openblas(), reason="AVX2 only")
def test_numpy_and_scipy_obey_and_threads_would_change_their_sums():
    def said(**variables):
        plain = {n: v for n, v in os.environ.items() if n not in kernel.OPENBLAS}
        command = [sys.executable, "-c", SUMS]
        return subprocess.check_output(command, env=plain | variables, text=True)

    held = said(**kernel.OPENBLAS)
    assert held.startswith("2 {'Haswell'} {1} ")
    # Another kind of processor, which every one of today can play, adds up in another order.
    other = said(OPENBLAS_CORETYPE="Prescott")
    assert held.split()[3:] != other.split()[3:]


def test_only_a_processor_with_avx2_is_asked_for_it(tmp_path, monkeypatch):
    file = tmp_path / "cpuinfo"
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    assert kernel.openblas(file) == {}
    file.write_text("flags : fpu sse2 avx\n")
    assert kernel.openblas(file) == {}
    file.write_text("flags : fpu sse2 avx avx2 avx512f\n")
    assert kernel.openblas(file) == {"OPENBLAS_CORETYPE": "Haswell"}
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    assert kernel.openblas(file) == {}


def written(home):
    """Return the files of a home folder, but for what Python makes of a start-up file."""
    return sorted(path for path in home.rglob("*") if "__pycache__" not in path.parts)


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
        "sitecustomize.py": "import seaborn\n",
        "usercustomize.py": startup,
        "seaborn.py": "import sys\nsys.modules['numpy'] = None\n",
    }
    for name, text in files.items():
        path = home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    # Another font by the name of the one that figures use.
    fonts = home / ".local" / "share" / "fonts"
    fonts.mkdir(parents=True)
    for folder in (fonts, home / ".fonts"):
        folder.mkdir(exist_ok=True)
        serif = TTFont(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSerif.ttf")
        for record in serif["name"].names:
            record.string = str(record).replace("Serif", "Sans")
        serif.save(folder / "DejaVuSans.ttf")
    return home


@pytest.mark.parametrize(
    ("theirs", "after"), [("COMPATIBLE", "AVX2"), ("AUTO", "AUTO"), (None, None)]
)
def test_own_sums_are_for_who_has_said_nothing_else(monkeypatch, theirs, after):
    if theirs is None:
        monkeypatch.delenv("MKL_CBWR", raising=False)
    else:
        monkeypatch.setenv("MKL_CBWR", theirs)
    kernel.own_sums()
    assert os.environ.get("MKL_CBWR") == after
