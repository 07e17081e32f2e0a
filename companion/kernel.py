"""What computes a result is started with: this project's settings, and nothing of the user's.

A start-up file of IPython, a `matplotlibrc` or a variable of the user's shell must not change a
result, nor may a result depend on a home folder that can be written.
"""

import getpass
import os
import sys
from pathlib import Path

from companion.runs import processor
from companion.runs.sources import ROOT

# In place of the user's folders, and where kernels start: matplotlib and numba also read settings
# that lie in the current folder.
HOME = ROOT / "build" / "home"

# What stays of the user's environment: where programs, people, screens and networks are found. All
# else may change a result: any library has its variables, and tomorrow's are not known.
KEPT = """
PATH LD_LIBRARY_PATH LD_PRELOAD VIRTUAL_ENV CONDA_PREFIX SHELL TERM
HOME USER LOGNAME TMPDIR TEMP TMP
DISPLAY WAYLAND_DISPLAY XAUTHORITY XDG_RUNTIME_DIR DBUS_SESSION_BUS_ADDRESS BROWSER SSH_AUTH_SOCK
HTTP_PROXY HTTPS_PROXY NO_PROXY ALL_PROXY SSL_CERT_FILE SSL_CERT_DIR REQUESTS_CA_BUNDLE
CUDA_VISIBLE_DEVICES
""".split()
# Ours, and those of the test suite's programs.
BEGINNINGS = ("OLM_", "PYTEST", "COV_", "COVERAGE")
RESTARTED = "OLM_RESTARTED"

# numpy's and scipy's OpenBLAS has sums of its own for every kind of processor; these are for AVX2.
# Trainings do without, so this is no matter of `companion.runs.processor`, by which they are known.
OPENBLAS = {"OPENBLAS_CORETYPE": "Haswell"}
# With these transformers take two thirds of the time; they are the same on processors of one maker.
OWN_SUMS = {"MKL_CBWR": "AVX2"}
# glibc gives freed memory back to the system and asks for it anew at every step of a training, a
# tenth of its time. Threshold in bytes; other C libraries do not know the names.
MEMORY = {"MALLOC_TRIM_THRESHOLD_": "1000000000", "MALLOC_MMAP_THRESHOLD_": "1000000000"}
WISHES = (*processor.X86, *processor.AVX512, *OPENBLAS)


def isolate() -> None:
    """Set the environment of this process, and so of every process that it starts.

    In a kernel that runs it would be too late: numpy looks at its variables when it is imported,
    torch at its first sum. Variables that hold the processor back stay as the user has set them.
    """
    for name in {*os.environ} - {*WISHES}:
        if name.upper() not in KEPT and not name.startswith(BEGINNINGS):
            del os.environ[name]
    # Left out, MPLBACKEND is set by the kernel to what shows figures in the notebook.
    os.environ |= {
        "IPYTHONDIR": f"{HOME}/ipython",
        "JUPYTER_CONFIG_DIR": f"{HOME}/jupyter/config",
        "JUPYTER_DATA_DIR": f"{HOME}/jupyter",
        "JUPYTER_RUNTIME_DIR": f"{HOME}/jupyter/runtime",
        "JUPYTER_PREFER_ENV_PATH": "1",
        "LC_ALL": "C.UTF-8",
        "MPLCONFIGDIR": f"{HOME}/matplotlib",
        "NUMBA_CACHE_DIR": f"{HOME}/numba",
        # Sums that threads share are added up in another order on another number of cores.
        "OMP_NUM_THREADS": "1",
        "PYTHONHASHSEED": "0",
        "PYTHONNOUSERSITE": "1",
        "PYTHONPATH": f"{ROOT}",
        "PYTHONUTF8": "1",
        "TZ": "UTC",
        # IPython's modules are frozen, of which the debugger would warn in every notebook.
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    } | MEMORY
    processor.hold()
    for variable, value in openblas().items():
        os.environ.setdefault(variable, value)
    try:
        getpass.getuser()
    except (KeyError, OSError):
        # In a container nobody may know the number that the user is.
        os.environ["USER"] = str(os.getuid())
    HOME.mkdir(parents=True, exist_ok=True)


def own_sums() -> None:
    """Let the kernels that this process starts add up as MKL does on this maker's processors.

    Not where the user has set the variable, or the processor has none.
    """
    for variable, value in OWN_SUMS.items():
        if os.environ.get(variable) == processor.X86[variable]:
            os.environ[variable] = value


def restart() -> None:
    """Start this program anew as `isolate` has it, unless it was.

    Python itself, and what it loads first, look at their variables before any line of ours runs.
    """
    isolate()
    # The number stays; a program that this one starts has another, and maybe another environment.
    if os.environ.get(RESTARTED) != str(os.getpid()):
        os.environ[RESTARTED] = str(os.getpid())
        sys.stdout.flush()
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])


def openblas(cpuinfo: Path = Path("/proc/cpuinfo")) -> dict[str, str]:
    """Return `OPENBLAS` on a processor that can do what it asks for, and nothing on others.

    Args:
        cpuinfo: the kernel's list of what the processor can do; without it, it lacks AVX2.
    """
    x86 = processor.variables(cpuinfo=cpuinfo)
    able = cpuinfo.is_file() and "avx2" in cpuinfo.read_text(encoding="utf-8")
    return OPENBLAS if x86 and able else {}
