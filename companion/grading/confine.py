"""Shut this process in: it reads a few folders, writes one, and reaches nobody.

Three walls, each as far as this machine has it. Landlock (Linux 5.13, no privilege needed) decides
which files can be opened. Namespaces make all other file systems read-only, take the network away
and let no process survive its room. Limits bound memory, files and processes.
"""

import ctypes
import os
import resource
import struct
from collections.abc import Iterable
from pathlib import Path

LIBC = ctypes.CDLL(None, use_errno=True)

# Of linux/landlock.h: the numbers of the system calls are those of every processor.
CREATE_RULESET, ADD_RULE, RESTRICT_SELF, MOUNT_SETATTR = 444, 445, 446, 442
EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
READ = EXECUTE | READ_FILE | READ_DIR
ON_FILES = EXECUTE | WRITE_FILE | READ_FILE
# Rights over files that an interface's version knows; what comes later than 5 is no right.
RIGHTS = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1, 5: (1 << 16) - 1}
NETWORK, SCOPES = 0b11, 0b11  # no TCP port; no abstract socket and no signal to the outside

NEWNS, NEWIPC, NEWUSER, NEWPID, NEWNET = 0x20000, 0x8000000, 0x10000000, 0x20000000, 0x40000000
NOSUID, NODEV, RECURSIVE, PRIVATE = 0x2, 0x4, 0x4000, 0x40000
AT_FDCWD, AT_RECURSIVE, READ_ONLY = -100, 0x8000, 0x1
NO_NEW_PRIVILEGES, CHILD_SUBREAPER, DIE_WITH_PARENT = 38, 36, 1
NOBODY = 65534


def landlock() -> int:
    """Return the version of this kernel's Landlock; 0 where it has none."""
    return max(LIBC.syscall(CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(1)), 0)


def limit(memory: int, file: int, processes: int) -> None:
    """Bound what this process and its children may take.

    Args:
        memory: bytes of data of a process.
        file: bytes of any file that is written.
        processes: of this user; root is not counted.
    """
    for what, most in (
        (resource.RLIMIT_DATA, memory),
        (resource.RLIMIT_FSIZE, file),
        (resource.RLIMIT_NPROC, processes),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(what)
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (most, most))


def apart(folder: Path, size: int) -> bool:
    """Give this process's children namespaces of their own, and `folder` a disk of its own.

    The process is nobody there, and has no network; every other file system is read-only. Its next
    child is the first process of its own list, with which all others end.

    Args:
        folder: where it may write; empty.
        size: bytes that fit in.

    Returns:
        False where this machine lets nobody do so; then nothing has changed.
    """
    user, group = os.getuid(), os.getgid()
    if LIBC.unshare(NEWUSER | NEWNS | NEWPID | NEWNET | NEWIPC):
        return False
    try:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{NOBODY} {user} 1")
        Path("/proc/self/gid_map").write_text(f"{NOBODY} {group} 1")
    except OSError:
        return False
    _mount(None, "/", None, RECURSIVE | PRIVATE)
    _mount("tmpfs", str(folder), "tmpfs", NOSUID | NODEV, f"size={size},mode=700")
    if Path("/run").is_dir():
        # Sockets of services, which Landlock leaves open, are behind it.
        _mount("tmpfs", "/run", "tmpfs", NOSUID | NODEV, "size=4k")
    _attributes("/", AT_RECURSIVE, READ_ONLY, 0)
    _attributes(str(folder), 0, 0, READ_ONLY)
    return True


def confine(readable: Iterable[Path], writable: Iterable[Path]) -> None:
    """Let this process and its children open these files and folders, and no other.

    Args:
        readable: to read and execute.
        writable: to do anything with.

    Raises:
        OSError: the kernel has no Landlock.
    """
    version = landlock()
    rights = RIGHTS.get(version, RIGHTS[5])
    attributes = struct.pack(
        "=QQQ", rights, NETWORK if version >= 4 else 0, SCOPES if version >= 6 else 0
    )
    size = 8 if version < 4 else 16 if version < 6 else 24
    ruleset = _call(CREATE_RULESET, attributes, ctypes.c_size_t(size), ctypes.c_uint32(0))
    for paths, allowed in ((readable, READ), (writable, rights)):
        for path in paths:
            _allow(ruleset, path, allowed & rights)
    _prctl(NO_NEW_PRIVILEGES, 1)
    # What a new user namespace lends: with it, what is read-only could be made writable again.
    header, none = struct.pack("=Ii", 0x20080522, 0), bytes(24)
    if LIBC.capset(header, none):
        raise OSError(ctypes.get_errno(), "capset")
    _call(RESTRICT_SELF, ruleset, ctypes.c_uint32(0))
    os.close(ruleset)


def end_with_parent() -> None:
    """Let the kernel end this process when the one that started it ends."""
    _prctl(DIE_WITH_PARENT, 9)


def adopt() -> None:
    """Become the parent of all that children leave behind when they end."""
    _prctl(CHILD_SUBREAPER, 1)


def _allow(ruleset: int, path: Path, rights: int) -> None:
    try:
        found = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    if not path.is_dir():
        rights &= ON_FILES
    rule = struct.pack("=Qi", rights, found)
    _call(ADD_RULE, ruleset, ctypes.c_int(1), rule, ctypes.c_uint32(0))
    os.close(found)


def _mount(source: str | None, target: str, kind: str | None, flags: int, data="") -> None:
    words = [None if word is None else word.encode() for word in (source, target, kind)]
    if LIBC.mount(*words, ctypes.c_ulong(flags), data.encode()):
        raise OSError(ctypes.get_errno(), f"mount {target}")


def _attributes(path: str, flags: int, added: int, removed: int) -> None:
    changes = struct.pack("=QQQQ", added, removed, 0, 0)
    _call(MOUNT_SETATTR, AT_FDCWD, path.encode(), flags, changes, ctypes.c_size_t(len(changes)))


def _prctl(what: int, value: int) -> None:
    if LIBC.prctl(what, ctypes.c_ulong(value), 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")


def _call(number: int, *arguments) -> int:
    result = LIBC.syscall(ctypes.c_long(number), *arguments)
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result
