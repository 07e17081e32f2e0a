"""What a kernel is started with: this project's settings, and nothing of the user's.

A start-up file of IPython, a `matplotlibrc` or a variable of the user's shell must not change a
result, nor may a result depend on a home folder that can be written.
"""

import os

from companion.runs import processor
from companion.runs.sources import ROOT

# In place of the user's folders, and where kernels start: matplotlib and numba also read settings
# that lie in the current folder.
HOME = ROOT / "build" / "home"

# Whose variables say what is done, or where settings are.
PROGRAMS = ("IPYTHON", "JUPYTER", "MATPLOTLIB", "MPL", "NUMBA", "PYTHON")


def isolate() -> None:
    """Set the environment of this process, and so of every kernel that it starts.

    In a kernel that runs it would be too late: numpy looks at its variables when it is imported,
    torch at its first sum.
    """
    for name in [name for name in os.environ if name.startswith(PROGRAMS)]:
        del os.environ[name]
    # Left out, MPLBACKEND is set by the kernel to what shows figures in the notebook.
    os.environ |= {
        "IPYTHONDIR": f"{HOME}/ipython",
        "JUPYTER_CONFIG_DIR": f"{HOME}/jupyter/config",
        "JUPYTER_DATA_DIR": f"{HOME}/jupyter",
        "JUPYTER_RUNTIME_DIR": f"{HOME}/jupyter/runtime",
        "JUPYTER_PREFER_ENV_PATH": "1",
        "MPLCONFIGDIR": f"{HOME}/matplotlib",
        "NUMBA_CACHE_DIR": f"{HOME}/numba",
        "PYTHONHASHSEED": "0",
        "PYTHONNOUSERSITE": "1",
        "PYTHONPATH": f"{ROOT}",
        "PYTHONUTF8": "1",
        # IPython's modules are frozen, of which the debugger would warn in every notebook.
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }
    processor.hold()
    HOME.mkdir(parents=True, exist_ok=True)
