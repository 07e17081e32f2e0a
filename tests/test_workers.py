"""A worker that the system kills costs its own piece and no other."""

import errno
import os
import signal
from functools import partial

import pytest
from joblib import parallel_config

from companion import workers
from companion.miniature import release
from companion.workers import Lost, refuse_lost, spread


def square(number):
    if number < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return number**2


def test_every_piece_comes_back_with_its_result_and_a_lost_one_with_why():
    found = dict(spread(square, [1, -2, 3, -4, 5, 6], workers=2))
    assert found.keys() == {1, -2, 3, -4, 5, 6}
    assert {n: found[n] for n in (1, 3, 5, 6)} == {1: 1, 3: 9, 5: 25, 6: 36}
    for piece in (-2, -4):
        assert isinstance(found[piece], Lost)
        assert "memory ran out (SIGKILL" in str(found[piece])


def test_one_worker_is_this_process_and_none_is_needed_for_nothing():
    assert dict(spread(lambda _: os.getpid(), [1, 2], workers=1)) == dict.fromkeys(
        (1, 2), os.getpid()
    )
    assert not list(spread(square, [], workers=2))


def test_without_shared_memory_the_work_is_done_in_this_process(monkeypatch):
    def refused():
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(workers.multiprocessing, "Lock", refused)
    assert set(dict(spread(lambda _: os.getpid(), [1, 2], workers=2)).values()) == {os.getpid()}


def test_another_backend_of_joblib_takes_the_work():
    with parallel_config("threading", n_jobs=2):
        found = dict(spread(lambda n: (n**2, os.getpid()), [1, 2, 3], workers=1))
    assert found == {n: (n**2, os.getpid()) for n in (1, 2, 3)}


def test_a_mistake_is_no_loss():
    with pytest.raises(ZeroDivisionError):
        list(spread(partial(pow, 0), [1, -1], workers=2))


def test_what_was_lost_is_refused_by_name():
    refuse_lost({})
    with pytest.raises(RuntimeError, match=r"lost.*\n  clip_1: killed\nrun again.*`workers`"):
        refuse_lost({"clip_1": Lost("killed")})


def files(clip):
    return (f"{clip}.txt",)


def write(out, clip, names):
    if clip == "c09" and not (out.parent / "rich").exists():
        os.kill(os.getpid(), signal.SIGKILL)
    for name in names:
        (out / name).write_text(clip)


def test_a_miniature_goes_on_without_the_clips_of_a_killed_worker_and_is_completed(tmp_path):
    clips = [f"c{i:02d}" for i in range(32)]
    make = partial(release.make, tmp_path / "out", {}, "1", {}, clips, files, write, workers=2)
    with pytest.raises(RuntimeError, match="out/c08.txt and the next 1: .*memory"):
        make()
    assert len(list((tmp_path / "out").glob("c*.txt"))) >= 24
    (tmp_path / "rich").touch()
    make()
    assert len(list((tmp_path / "out").glob("c*.txt"))) == 32
