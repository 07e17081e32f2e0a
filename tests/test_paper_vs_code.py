"""The page of differences names only what exists, and no item is missing."""

import inspect
import re
from dataclasses import fields

import pytest
import yaml

from companion import params
from companion.data import sections
from olmlib.config import PRESETS as TRANSFORMER_PRESETS
from olmlib.config import LateFusionConfig, MLPFusionConfig, TrainConfig, TransformerConfig
from olmlib.methods import avslowfast, cur, gblend, gradnorm, mmcosine, ogm_ge, olm, pmr
from olmlib.methods.table import create
from olmlib.models import fusions
from olmlib.models.ave.config import AVGAConfig, CMBSConfig, MAFnetConfig, PSPConfig
from olmlib.olm_presets import PRESETS, OLMConfig

HEADER = "| # | what differs | consequence | our default | option | see |"
# Items of the official engine (O), of the baselines (B), of the official transformers (T), of the
# localizers of Table 2 (L), of data and features (D), of metrics (M).
LAST = {"O": 24, "B": 16, "T": 24, "L": 16, "D": 27, "M": 3}
WANTED = {f"{letter}{n}" for letter, last in LAST.items() for n in range(1, last + 1)}


@pytest.fixture
def rows(root):
    lines = (root / "book" / "paper_vs_code.md").read_text(encoding="utf-8").splitlines()
    cells = [
        line.strip("| ").split(" | ") for line in lines if re.match(r"\| [OBTLDM]\d+ \|", line)
    ]
    assert lines.count(HEADER) == 6
    return {line[0]: line for line in cells}


def test_every_row_has_all_its_cells(rows):
    assert all(len(line) == 6 and all(cell.strip() for cell in line) for line in rows.values())


def test_no_item_is_missing(rows):
    assert rows.keys() >= WANTED


@pytest.mark.parametrize(
    ("number", "words"),
    [
        ("B13", ("CUR", "gates", "first branch's")),
        ("B14", ("GradNorm", "Adam", "anew")),
        ("B15", ("PMR", "encoders", "512 numbers")),
        ("B16", ("synchrony", "either")),
        ("O21", ("second engine", "dev set is never looked at")),
        ("T23", ("MBT", "2048", "34.7 M parameters, not 25.2 M")),
        ("T24", ("dropout", "hub's tokens")),
    ],
)
def test_what_running_the_public_codes_has_shown_is_listed(rows, number, words):
    said = " ".join(rows[number][1:])
    assert all(word in said for word in words)


def test_presets_and_examples_of_the_page_are_those_of_today(root):
    page = (root / "book" / "paper_vs_code.md").read_text(encoding="utf-8")
    named = set(re.findall(r"preset: (\w+)", page))
    assert named == {"stable", "paper", "code", "variant", "official"}
    assert named - PRESETS.keys() == {"official"} <= TRANSFORMER_PRESETS.keys()
    examples = [yaml.safe_load(text) for text in re.findall(r"`(\{method: .*?\}\})`", page)]
    for example in examples:
        create(example["method"], **example["options"])
    assert examples


def keywords():
    """Return the options that rows of Table 1 can have besides those of `OLMConfig`."""
    found = {"fusion", *(name for kind in fusions.FUSIONS for name in fusions.options(kind))}
    for module in (avslowfast, cur, gblend, gradnorm, mmcosine, ogm_ge, olm, pmr):
        found |= inspect.signature(module.Scheme).parameters.keys()
    return found


def test_every_option_exists(rows):
    known = {f"OLMConfig.{field.name}" for field in fields(OLMConfig)} | keywords()
    prepared = sections.Prepare, sections.PrepareSequences
    prepared += sections.PrepareSegments, sections.PrepareFeatures
    for section in prepared:
        known |= {f"{section.__name__}.{name}" for name in section.model_fields}
    localizers = AVGAConfig, MAFnetConfig, PSPConfig, CMBSConfig
    for kind in (LateFusionConfig, MLPFusionConfig, TransformerConfig, TrainConfig, *localizers):
        known |= {f"{kind.__name__}.{field.name}" for field in fields(kind)}
    known |= {f"preset: {name}" for name in PRESETS} | {"seeds", "metrics.json"}
    for number, line in rows.items():
        named = re.findall(r"`([^`]+)`", line[4])
        assert named or line[4].startswith("none: "), number
        assert set(named) <= known, (number, set(named) - known)


def test_every_control_is_pointed_to(rows, root):
    seen = {name for line in rows.values() for name in re.findall(r"control `([^`]+)`", line[5])}
    assert seen == params.load(root / "params.yaml").table3.controls.keys()


def test_everything_to_see_exists(rows, root):
    tests = "".join(file.read_text(encoding="utf-8") for file in (root / "tests").glob("*.py"))
    settings = params.load(root / "params.yaml")
    for number, line in rows.items():
        seen = re.findall(r"(row |notebook |control |)`([^`]+)`", line[5])
        assert seen or line[5].startswith("not measured"), number
        for kind, name in seen:
            if kind == "row ":
                assert name in settings.rows, (number, name)
            elif kind == "control ":
                assert name in settings.table3.controls, (number, name)
            elif kind == "notebook ":
                assert (root / "notebooks" / f"{name}.ipynb").is_file(), (number, name)
            elif name.startswith("test_"):
                assert re.search(rf"^def {name}\(", tests, re.M), (number, name)
            else:
                assert (root / name).is_file(), (number, name)
