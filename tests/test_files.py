"""A file is whole or absent, and a disk that is full is named as what it is."""

import errno
import os
import resource

import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pandas as pd
import pytest
import torch

from companion import notebooks, report
from companion.figures import style
from companion.miniature import folder
from olmlib import checkpoint, files


@pytest.fixture
def full():
    """Let the system refuse whatever grows over 512 bytes, as a full disk does."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (512, limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)


LONG = pd.DataFrame({"value": np.random.default_rng(0).random(1000)})
NOTEBOOK = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("word " * 1000)])


def figure():
    fig, ax = plt.subplots()
    ax.plot(LONG["value"])
    return fig


def array(path):
    with files.whole(path) as part, part.open("wb") as file:
        np.save(file, np.zeros(1000))


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("file.pt", lambda path: checkpoint.save({"a": torch.zeros(1000)}, path)),
        ("model.pt", lambda path: checkpoint.write({"a": torch.zeros(1000)}, path)),
        ("table.md", lambda path: report.save("word " * 1000, path)),
        ("numbers.csv", lambda path: style.save_numbers(LONG, path)),
        ("figure.png", lambda path: style.save(figure(), path, LONG)),
        ("executed.ipynb", lambda path: notebooks.write(path, NOTEBOOK)),
        ("clip.bin", lambda path: folder.save_bytes(path, bytes(1000))),
        ("array.npy", array),
    ],
)
def test_what_cannot_be_written_is_named_and_what_was_there_stays(tmp_path, full, name, write):
    path = tmp_path / name
    path.write_bytes(b"as it was")
    with pytest.raises(OSError) as error:
        write(path)
    assert error.value.filename == str(path) and error.value.errno in (errno.EFBIG, errno.ENOSPC)
    assert [file.name for file in tmp_path.iterdir()] == [name], "no half file"
    assert path.read_bytes() == b"as it was"


@pytest.mark.parametrize(
    ("number", "says"),
    [
        (errno.ENOSPC, "the disk is full, .* MB are free"),
        (errno.EDQUOT, "your quota of the disk is used up"),
        (errno.EROFS, "Read-only file system"),
    ],
)
def test_a_refusal_is_said_in_words_with_its_place(tmp_path, number, says):
    with pytest.raises(OSError, match=f"{says}.*one.csv"), files.whole(tmp_path / "one.csv"):
        raise OSError(number, os.strerror(number))


def test_other_mistakes_stay_what_they_are(tmp_path):
    for mistake in (
        ValueError("1 row too many"),
        FileNotFoundError(2, "No such file", "input.csv"),
    ):
        with pytest.raises(type(mistake)) as error, files.whole(tmp_path / "one.csv") as part:
            part.write_text("half")
            raise mistake
        assert error.value is mistake
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_a_file_is_named(tmp_path):
    (tmp_path / "runs").write_text("a file")
    with pytest.raises(OSError, match="runs"):
        report.save("text", tmp_path / "runs" / "table.md")
