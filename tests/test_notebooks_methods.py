"""What notebooks 05, 06 and 22 rest on: toy batch, panels, a method outside the package."""

import importlib
import sys

import pytest
import torch
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from companion import notebooks
from companion.lessons.methods import picture, toy
from companion.runs import sources
from olmlib import methods
from olmlib.methods import gblend, ogm_ge
from olmlib.methods.table import METHODS, create


@pytest.fixture(scope="module")
def panels():
    return picture.panels()


def panel(panels, name):
    return panels[panels["panel"] == name]


def test_audio_is_sure_and_vision_is_not():
    right = {
        name: logits.softmax(1)[range(6), toy.LABELS] for name, logits in toy.batch().logits.items()
    }
    assert right["audio"].min() > 0.95
    assert right["fused"].min() > 0.95
    assert 0.3 < right["visual"].min() and right["visual"].max() < 0.7


def test_two_visual_samples_are_wrong_and_no_audio_one():
    logits = toy.batch().logits
    wrong = {m: (logits[m].argmax(1) != toy.LABELS).sum() for m in ("audio", "visual")}
    assert wrong == {"audio": 0, "visual": 2}


def test_in_concat_both_modalities_get_the_same_gradient_and_it_vanishes(panels):
    own = panel(panels, "joint")
    own = own[own["variant"] == ""].pivot(index="x", columns="head", values="y")
    assert (own["audio"] - own["visual"]).abs().max() < 1e-12
    assert own["visual"].is_monotonic_decreasing
    assert own["visual"].iloc[-1] < 0.001


def test_with_a_head_of_its_own_vision_gets_no_less_than_alone(panels):
    own = panel(panels, "three_heads")
    own = own[own["head"] == "visual"].pivot(index="x", columns="variant", values="y")
    assert (own[""] > own["alone"]).all()


def test_ogm_by_hand():
    # T-OGM-2.
    for alpha, k in ((0.1, 0.802625), (0.8, 0.078331)):
        found = ogm_ge.coefficients(torch.tensor([2.0, 0.5]), alpha)
        torch.testing.assert_close(found, torch.tensor([k, 1.0]), atol=1e-6, rtol=0)


def test_the_ratios_of_the_batch_are_inverse():
    (audio, visual), k = toy.modulation()
    assert audio * visual == pytest.approx(1)
    assert k[0] < 0.2 and k[1] == 1


def test_measured_losses_are_those_of_the_worked_example():
    # T-GB-1, where G-Blend's G and O are OLM's G and C.
    found = gblend.weights(toy.START, toy.END)
    expected = torch.tensor([0.054348, 0.880435, 0.065217], dtype=torch.float64)
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=0)
    lam = torch.tensor([5 / 9, 2, 2 / 3], dtype=torch.float64).softmax(0)
    torch.testing.assert_close(toy.factors(), lam)


def test_gradnorm_keeps_the_sum_and_favours_vision():
    w = toy.gradnorm_weights()
    assert torch.allclose(w.sum(1), torch.tensor(3.0, dtype=w.dtype))
    assert w[0].tolist() == [1, 1, 1]
    assert w[-1].argmax() == 1


def test_cosine_logits_do_not_see_length(panels):
    own = panel(panels, "mmcosine")
    spread = own.groupby(["head", "variant"])["y"].agg(lambda y: y.max() - y.min())
    assert spread["audio", "MMCosine"] < 1e-9
    assert spread["audio", "concat"] > 5


def test_cur_cuts_off_the_faster_branch_and_changes_sides(panels):
    own = panel(panels, "cur").pivot(index="x", columns=["variant", "head"], values="y")
    cut = own["cut off"]
    assert not cut.loc[:6].any().any()
    assert cut.max(axis=1).loc[7:].mean() == pytest.approx(5 / 6, abs=0.04)
    assert cut["audio"].idxmax() < cut["visual"].idxmax()


def test_drop_pathway_drops_four_of_five(panels):
    assert panel(panels, "avslowfast")["y"].mean() == pytest.approx(0.2, abs=0.06)


def test_every_panel_has_numbers_and_a_look(panels):
    assert list(dict.fromkeys(panels["panel"])) == list(picture.LOOKS)
    assert panels[["x", "y"]].notna().all().all()
    assert len(picture.drawing(panels).axes) == 12


def test_every_size_and_mark_of_the_drawing_is_explained(panels):
    figure = picture.drawing(panels)
    said = [text.get_text() for text in figure.legends[0].get_texts()]
    assert said == ["audio", "visual", "fused", "the toy batch"]
    last = figure.axes[-1]
    assert last.get_title(loc="left") == "(L) Side by side"
    explained = [text.get_text() for text in last.get_legend().get_texts()]
    assert explained == ["audio encoder", "visual encoder"]
    ring, dot = (line for line in last.lines if line.get_marker() == "o")
    assert ring.get_markerfacecolor() == "none" and ring.get_markersize() > dot.get_markersize()
    # Concat gives both the same: the dot is in the ring.
    assert ring.get_xdata()[0] == pytest.approx(dot.get_xdata()[0])
    own = picture.panel(panels, "gradnorm")
    assert [text.get_text() for text in own.legends[0].get_texts()] == ["audio", "visual", "fused"]


def test_a_second_time_the_numbers_are_the_same(panels):
    assert picture.panels().equals(panels)


@pytest.fixture
def loss_share(tmp_path, monkeypatch, root):
    """The file that notebook 22 writes, outside the package, with its line in the table."""
    cells = notebooks.read(root / "notebooks" / "22_add_a_method.ipynb")["cells"]
    (text,) = ["".join(c["source"]) for c in cells if c["id"] == "file"]
    magic, _, text = text.partition("\n")
    assert magic == '%%writefile "{mine}/loss_share.py"'
    path = tmp_path / "loss_share.py"
    path.write_text(text, encoding="utf-8")
    monkeypatch.setattr(methods, "__path__", [*methods.__path__, str(tmp_path)])
    importlib.invalidate_caches()
    module = importlib.import_module("olmlib.methods.loss_share")
    monkeypatch.setitem(METHODS, "loss_share", module.Scheme)
    yield path
    sys.modules.pop("olmlib.methods.loss_share", None)


def test_the_file_is_written_into_a_folder_of_any_name(root, tmp_path):
    mine = tmp_path / "my päth (数据) & co"
    mine.mkdir()
    cells = notebooks.read(root / "notebooks" / "22_add_a_method.ipynb")["cells"]
    (source,) = [cell["source"] for cell in cells if cell["id"] == "file"]
    quiet = Config({"HistoryManager": {"enabled": False}})
    InteractiveShell(config=quiet, user_ns={"mine": mine}).run_cell(source)
    written = (mine / "loss_share.py").read_text(encoding="utf-8")
    assert written.strip() == source.partition("\n")[2].strip()


def test_the_new_method_is_about_twenty_lines(loss_share):
    lines = loss_share.read_text(encoding="utf-8").splitlines()
    assert len([line for line in lines if line.strip()]) <= 24


def test_the_new_method_by_hand(loss_share):
    batch, labels = toy.batch(), toy.LABELS
    losses = toy.losses(batch).detach()
    scheme = create("loss_share")
    loss = scheme.loss(batch, labels)
    torch.testing.assert_close(loss.detach(), 3 * losses.square().sum() / losses.sum())
    naive = create("three_heads").loss(batch, labels)
    torch.testing.assert_close(create("loss_share", power=0).loss(batch, labels), naive)


def test_a_method_outside_the_package_is_part_of_a_runs_sources(loss_share):
    digest = sources.digest(loss_share.read_text(encoding="utf-8"))
    found = sources.closure("olmlib.methods.loss_share")
    assert found["olmlib.methods.loss_share"] == digest
    assert "olmlib.models.late_fusion" in found


def test_a_file_of_the_package_comes_before_an_added_one(loss_share, root):
    (loss_share.parent / "joint.py").write_text("", encoding="utf-8")
    assert sources.locate("olmlib.methods.joint") == root / "olmlib" / "methods" / "joint.py"


def test_another_root_has_no_added_folders(loss_share, tmp_path):
    assert sources.locate("olmlib.methods.loss_share", tmp_path) is None


def test_without_the_folder_the_method_is_unknown():
    assert sources.locate("olmlib.methods.loss_share") is None
    with pytest.raises(ValueError, match="loss_share"):
        create("loss_share")
