"""Where a submission's cells run: a process of their own, shut in, that sees one cell at a time.

    python -m companion.grading.room SOCKET

imports once what every assignment imports, and then forks a room per submission, which begins in
some milliseconds. Cells come through a socket, so that no file in the room, nor any that it could
read, holds a test before it runs.
"""

import importlib
import json
import os
import signal
import socket
import sys
import sysconfig
from contextlib import nullcontext
from pathlib import Path

import psutil
from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import CapturingDisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from companion.grading import confine
from companion.runs.sources import ROOT

# What assignments import, and what that would read later, when the room is shut.
IMPORTS = """
numpy pandas torch matplotlib.pyplot matplotlib.backends.backend_agg scipy.stats
sklearn.linear_model sklearn.pipeline sklearn.preprocessing
companion.lessons.course.block companion.lessons.course.data companion.lessons.course.networks
companion.lessons.irfb.toy companion.lessons.methods.toy
olmlib.irfb olmlib.methods.table olmlib.olm olmlib.olm_equations olmlib.train
""".split()
# Programs, libraries and this project's modules; no assignment, no submission, no home.
READABLE = """
/usr/bin /usr/lib /usr/lib64 /usr/share /usr/local/bin /usr/local/lib /bin /lib /lib64
/etc/fonts /etc/ld.so.cache /etc/localtime /dev/urandom /dev/zero
/proc/cpuinfo /proc/meminfo /proc/self /sys/devices/system/cpu
""".split()
MEMORY, DISK, PROCESSES = 3 << 30, 200 << 20, 4096  # bytes, bytes, of the whole user
PATIENCE = 3  # a machine has others to serve, too
TEXT = 50_000  # characters of a cell's output that are kept


class OutOfTime(BaseException):
    """A cell took longer than it may; no `except Exception` stops this."""


class Printed:
    """A stream that keeps the beginning of what is printed and counts the rest."""

    encoding = "utf-8"

    def __init__(self):
        """Begin empty."""
        self.kept, self.dropped = "", 0

    def write(self, text: str) -> int:
        """Keep what still fits of `text`."""
        room = TEXT - len(self.kept)
        self.kept += text[:room]
        self.dropped += max(len(text) - room, 0)
        return len(text)

    def flush(self) -> None:
        """Do nothing: all is kept at once."""

    def isatty(self) -> bool:
        """Say that nobody watches."""
        return False

    def said(self) -> str:
        """Return what was printed, and how much of it is left out."""
        cut = f"\n... {self.dropped:,} more characters are cut ...\n" if self.dropped else ""
        return self.kept + cut


class _Kept(DisplayHook):
    """The value of a cell's last line is sent, not printed."""

    def start_displayhook(self):
        """Print nothing before it."""

    def write_output_prompt(self):
        """Print no number."""

    def write_format_data(self, format_dict, md_dict=None):
        """Keep its text."""
        assert isinstance(self.shell, Shell)
        self.shell.value = str(format_dict.get("text/plain", ""))[:TEXT]

    def finish_displayhook(self):
        """Print nothing behind it."""


class Shell(InteractiveShell):
    """IPython without a terminal, a history or a window."""

    def __init__(self):
        """Begin with an empty namespace; a figure stays in memory."""
        quiet = Config(
            {"HistoryManager": {"enabled": False}, "InteractiveShell": {"xmode": "Plain"}}
        )
        super().__init__(
            config=quiet, displayhook_class=_Kept, display_pub_class=CapturingDisplayPublisher
        )
        self.error: dict | None = None
        self.value: str | None = None

    def enable_gui(self, gui=None):
        """Do nothing: `%matplotlib inline` asks for it."""

    def _tee(self, channel):
        """Keep no second copy of what is printed."""
        return nullcontext()

    def _showtraceback(self, etype, evalue, stb):
        self.error = {
            "output_type": "error",
            "ename": etype.__name__,
            "evalue": str(evalue)[:TEXT],
            "traceback": [line[:TEXT] for line in stb[-40:]],
        }

    def run(self, code: str, seconds: float) -> dict:
        """Run a cell.

        Args:
            code: its source.
            seconds: of computing that it may take; `PATIENCE` times as long if it waits.

        Returns:
            `outputs`, as a notebook has them, of which printed ones are of one stream; `late`,
            whether time ran out.
        """
        printed, self.error, self.value = Printed(), None, None
        sys.stdout = sys.stderr = printed
        try:
            _time(seconds)
            self.run_cell(code)
            _time(0)
        except OutOfTime as error:
            self._showtraceback(OutOfTime, error, [])
        _time(0)
        outputs: list[dict] = []
        if said := printed.said():
            outputs.append({"output_type": "stream", "name": "stdout", "text": said})
        if self.error is not None:
            outputs.append(self.error)
        elif self.value is not None:
            value = {"data": {"text/plain": self.value}, "execution_count": None}
            outputs.append({"output_type": "execute_result", **value})
        late = self.error is not None and self.error["ename"] == OutOfTime.__name__
        return {"outputs": outputs, "late": late}


def serve(line: socket.socket, shell: Shell) -> None:
    """Run the cells that come through `line`, a JSON object a line, until nobody sends any."""
    for ringing in (signal.SIGPROF, signal.SIGALRM):
        signal.signal(ringing, _out_of_time)
    for text in line.makefile("r", encoding="utf-8"):
        asked = json.loads(text)
        done = shell.run(asked["code"], asked["seconds"])
        line.sendall(json.dumps(done).encode() + b"\n")


def enter(folder: Path, others: list[int]) -> None:
    """Shut this process in, of which the caller is what goes on inside.

    Args:
        folder: empty; where it may write.
        others: file descriptors that stay outside.
    """
    for other in others:
        os.close(other)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number in range(3):
        os.dup2(nowhere, number)
    confine.end_with_parent()
    confine.limit(MEMORY, DISK, PROCESSES)
    if confine.apart(folder, DISK):
        inside = os.fork()
        if inside:
            os.waitpid(inside, 0)
            os._exit(0)
        confine.end_with_parent()
    os.environ |= dict.fromkeys(("HOME", "TMPDIR", "MPLCONFIGDIR", "IPYTHONDIR"), str(folder))
    os.chdir(folder)
    sys.path.insert(0, "")
    if confine.landlock():
        ours = [ROOT / name for name in ("olmlib", "companion", "data")]
        readable = [*map(Path, READABLE), *_python(), *ours]
        confine.confine(readable, [folder, Path(os.devnull)])


def _python() -> list[Path]:
    """Return where Python and its packages are, without a folder that holds this project."""
    at = {sys.prefix, f"{sys.base_prefix}/bin", f"{sys.base_prefix}/lib", *filter(None, sys.path)}
    at |= set(sysconfig.get_paths().values())
    return [path for path in map(Path, at) if not ROOT.is_relative_to(path.resolve())]


def end_all() -> None:
    """End whatever a room has started and left, however deep."""
    while left := psutil.Process().children(recursive=True):
        for process in left:
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue
        try:
            while os.waitpid(-1, 0):
                pass
        except ChildProcessError:
            pass


def main(number: str) -> None:
    """Open a room for each message on the control socket, and clear it at the next."""
    control = socket.socket(fileno=int(number))
    confine.adopt()
    for name in IMPORTS:
        importlib.import_module(name)
    shell = Shell()
    control.send(b"ready")
    while True:
        message, numbers, _, _ = socket.recv_fds(control, 65536, 1)
        if not message:
            return
        folder, (line_number,) = Path(message.decode()), numbers
        child = os.fork()
        if not child:
            enter(folder, [control.fileno()])
            serve(socket.socket(fileno=line_number), shell)
            os._exit(0)
        os.close(line_number)
        told = control.recv(16)
        end_all()
        if not told:
            return
        control.send(b"empty")


def _time(seconds: float) -> None:
    """Ring when `seconds` of computing or `PATIENCE` times as many have passed; 0 never rings.

    Then again every second: a bare `except` may swallow the first.
    """
    signal.setitimer(signal.ITIMER_PROF, seconds, 1.0)
    signal.setitimer(signal.ITIMER_REAL, PATIENCE * seconds, 1.0)


def _out_of_time(*_) -> None:
    raise OutOfTime("this cell took longer than it may")


if __name__ == "__main__":
    main(sys.argv[1])
