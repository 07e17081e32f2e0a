"""The grader's side of the rooms: opens one, gives it cells, takes what comes back, closes it."""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from companion.grading.room import PATIENCE

REPLY = 4 << 20  # bytes of one cell's answer; an honest one is far smaller
# Of the teacher's environment: what opens a door.
PRIVATE = """
SSH_AUTH_SOCK DBUS_SESSION_BUS_ADDRESS DISPLAY WAYLAND_DISPLAY XAUTHORITY XDG_RUNTIME_DIR
HTTP_PROXY HTTPS_PROXY ALL_PROXY NO_PROXY
""".split()
GRACE = 5.0  # seconds, in which a cell whose time ran out may still answer


class Room:
    """One submission under way.

    Attributes:
        remarks: what a teacher should know of it.
    """

    def __init__(self, line: socket.socket, each: float, all_of_it: float):
        """Begin.

        Args:
            line: to the process that runs the cells.
            each: seconds of computing that a cell may take.
            all_of_it: seconds that all may take together.
        """
        self.line, self.each = line, each
        self.until = time.monotonic() + all_of_it
        self.closed = ""
        self.remarks: list[str] = []

    def run(self, code: str, name: str = "a cell") -> list[dict]:
        """Run a cell and return its outputs, as a notebook has them.

        Args:
            code: its source.
            name: what a remark calls it.
        """
        seconds = min(self.each, self.until - time.monotonic())
        if not self.closed and seconds <= 0:
            self._close("timed out: the notebook as a whole takes too long")
        if self.closed:
            return [_error("NotRun", self.closed)]
        try:
            asked = json.dumps({"code": code, "seconds": seconds})
            self.line.settimeout(GRACE)
            self.line.sendall(asked.encode() + b"\n")
            done = json.loads(self._answer(time.monotonic() + PATIENCE * seconds + GRACE))
            outputs, late = _checked(done["outputs"]), bool(done["late"])
        except TimeoutError:
            self._close(f"timed out in {name} and could not be stopped; the rest was not run")
            return [_error("OutOfTime", self.closed)]
        except (OSError, ValueError, KeyError, TypeError) as error:
            self._close(f"its process ended in {name} ({error}); the rest was not run")
            return [_error("NotRun", self.closed)]
        if late:
            self.remarks.append(f"timed out in {name} after {seconds:.0f} s")
        return outputs

    def _answer(self, until: float) -> bytes:
        parts: list[bytes] = []
        size = 0
        while not (parts and parts[-1].endswith(b"\n")):
            self.line.settimeout(max(until - time.monotonic(), 0.01))
            part = self.line.recv(1 << 16)
            size += len(part)
            if not part:
                raise OSError("it exited, or memory ran out")
            if size > REPLY:
                raise OSError("its answer is too long")
            parts.append(part)
        return b"".join(parts)

    def _close(self, reason: str) -> None:
        self.closed = reason
        self.remarks.append(reason)


class Rooms:
    """The process that forks a room per submission; it has imported what all of them need.

    Attributes:
        place: where rooms have their folders while they are open.
        each: seconds of computing that a cell may take.
        all_of_it: seconds that a notebook may take.
    """

    def __init__(self, place: Path, each: float = 60, all_of_it: float = 300):
        """Start it; that takes some seconds."""
        self.place, self.each, self.all_of_it = place, each, all_of_it
        place.mkdir(parents=True, exist_ok=True)
        self._start()

    def _start(self) -> None:
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        number = theirs.fileno()
        # -P: the folder that the teacher is in has nothing to give.
        command = [sys.executable, "-P", "-m", "companion.grading.room", str(number)]
        told = {name: os.environ[name] for name in os.environ if name.upper() not in PRIVATE}
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, pass_fds=[number], env=told
        )
        theirs.close()
        if self.control.recv(16) != b"ready":
            raise RuntimeError("no room could be prepared; its error is above")

    def __enter__(self) -> "Rooms":
        """Return itself."""
        return self

    def __exit__(self, *_) -> None:
        """End the process and every room."""
        self.control.close()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    @contextmanager
    def open(self) -> Iterator[Room]:
        """Open a room, and clear it away afterwards with all that it has started."""
        if self.process.poll() is not None:
            self._start()
        folder = tempfile.mkdtemp(dir=self.place)
        ours, theirs = socket.socketpair()
        try:
            socket.send_fds(self.control, [folder.encode()], [theirs.fileno()])
            theirs.close()
            yield Room(ours, self.each, self.all_of_it)
        finally:
            self.control.send(b"end")
            if self.control.recv(16) != b"empty":
                raise RuntimeError("the rooms' process ended; its error is above")
            ours.close()
            shutil.rmtree(folder, ignore_errors=True)


def _checked(outputs: list[dict]) -> list[dict]:
    """Return outputs of which nbformat will say the same as we do.

    Raises:
        ValueError, KeyError, TypeError: a room that was tampered with answers what it likes.
    """
    for output in outputs:
        match output["output_type"]:
            case "stream":
                output["name"], output["text"] = "stdout", str(output["text"])
            case "error":
                output["traceback"] = [str(line) for line in output["traceback"]]
            case "execute_result":
                text = str(output["data"]["text/plain"])
                output |= {"data": {"text/plain": text}, "metadata": {}, "execution_count": None}
            case _:
                raise ValueError("an output of an unknown kind")
    return outputs


def _error(name: str, said: str) -> dict:
    return {"output_type": "error", "ename": name, "evalue": said, "traceback": [said]}
