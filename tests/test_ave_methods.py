"""Methods in the networks of Table 2: the table of attachments, through the hooks of every method.

No network is told which method trains it, and no method which network it trains.
"""

import math

import pytest
import torch
from test_ave_networks import SMALL, drawn, make
from torch.testing import assert_close

from olmlib import train
from olmlib.config import TrainConfig, alone
from olmlib.data.synthetic import segments
from olmlib.losses import cross_entropy
from olmlib.methods.gblend import OneHead
from olmlib.methods.table import create
from olmlib.models.ave.avga import soft_margin

CLASSES = 5
COLUMNS = {
    "baseline": ("joint", {}),
    "three_heads": ("three_heads", {}),
    "gblend": ("gblend", {}),
    "ogm_ge": ("ogm_ge", {}),
    "olm": ("olm", {"probe_size": 4, "probe_every": 2}),
}
NETWORKS = ("avga", "mafnet", "psp", "cmbs")
EVERY = pytest.mark.parametrize("name", NETWORKS)
TRAIN = TrainConfig(epochs=2, batch_size=6, lr=1e-2, optimizer="adam", schedule="constant")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("segments") / "prepared"
    return segments(folder, clips=40, classes=4, audio=8, visual=(2, 2, 12))


@EVERY
@pytest.mark.parametrize("column", COLUMNS)
def test_every_column_trains_every_network(name, column, data):
    kind, options = COLUMNS[column]
    done = train.fit(create(kind, 0, **options), data, SMALL[name], TRAIN, 0)
    assert len(done.rows) == 2
    for row in done.rows:
        assert math.isfinite(row["train_loss"])
        for head in ("audio", "visual", "fused"):
            assert 0 <= row[f"test_accuracy_{head}"] <= 1
        assert row["update_audio"] > 0 and row["update_visual"] > 0
    values = done.history.arrays()
    assert values["norm"].shape == (len(values["step"]), 3)
    if column == "olm":
        assert (values["w"][:4] == 1).all() and (values["w"][-1] != 1).all()
    if column == "ogm_ge":
        assert values["k"][:, :2].min() < 1 and (values["k"][:, 2] == 1).all()
    if column == "gblend":
        assert values["weight"][0].sum() == pytest.approx(1)


# What section 3 of their papers, or the supplement of OGM-GE, calls the encoder of a modality.
MODULATED = {
    "avga": {"audio": {"lstm"}, "visual": {"attention", "lstm"}},
    "mafnet": {"audio": {"first", "second", "dense"}, "visual": {"0"}},
    "psp": {"audio": {"embed", "lstm"}, "visual": {"attention", "embed", "lstm"}},
    "cmbs": {"audio": {"lstm", "encoder"}, "visual": {"attention", "lstm", "encoder"}},
}


@EVERY
def test_ogm_ge_modulates_the_matrices_of_the_encoders_and_nothing_else(name):
    method, batch = create("ogm_ge", ge=False), drawn()
    model = make(name)
    method.criterion, method.active = model.criterion, True
    outputs, labels = model.supervised(model(batch), batch["label"])
    (method.loss(outputs, labels) + sum(outputs.losses.values())).backward()
    assert method.modalities == ("audio", "visual")
    before = {n: p.grad.clone() for n, p in model.named_parameters()}
    method.k = torch.tensor([0.5, 0.25])
    method.after_backward(model)
    found = {"audio": set(), "visual": set()}
    for path, parameter in model.named_parameters():
        k, parts = 1.0, path.split(".")
        if parts[0] == "encoders" and parameter.ndim >= 2:
            k = {"audio": 0.5, "visual": 0.25}[parts[1]]
            found[parts[1]].add("lstm" if parts[2].startswith("weight") else parts[2])
        assert_close(parameter.grad, k * before[path], msg=path)
    assert found == MODULATED[name]


@EVERY
def test_a_score_for_ogm_ge_gives_no_gradient_to_the_network(name):
    if name in ("mafnet", "cmbs"):
        pytest.skip("its scores are exact parts of the fused one, or its own")
    model, batch = make(name), drawn()
    outputs = model(batch)
    scores = outputs.logits["audio"].sum() + outputs.logits["visual"].sum()
    if scores.requires_grad:  # probes learn
        scores.backward()
    learnt = {n.split(".")[0] for n, p in model.named_parameters() if p.grad is not None}
    assert learnt <= {"unimodal"}


@EVERY
def test_olm_scales_the_logits_inside_the_networks_own_loss(name):
    method, batch = create("olm"), drawn()
    torch.manual_seed(0)
    model = method.build(CLASSES, SMALL[name])
    method.criterion = model.criterion
    outputs, labels = model.supervised(model(batch), batch["label"])
    method.olm.w.copy_(torch.tensor([0.5, 2.0, 1.5]))
    own = soft_margin if name == "avga" else cross_entropy
    wanted = sum(
        own(w * s, labels) for w, s in zip((0.5, 2.0, 1.5), outputs.logits.values(), strict=True)
    )
    assert_close(method.loss(outputs, labels), wanted)


def test_olm_measures_norms_per_segment_and_takes_their_mean():
    """So the rate of the coefficients does not depend on how many segments a batch has."""
    after = []
    for clips in (3, 6):
        method = create("olm", preset="paper")
        method.build(CLASSES, SMALL["avga"])
        method.olm.warmup = 0
        torch.manual_seed(2)
        logits = {h: torch.randn(3, 10, CLASSES) for h in method.olm.heads}
        logits = {h: s.repeat(clips // 3, 1, 1) for h, s in logits.items()}
        labels = torch.zeros(clips, 10, dtype=torch.long)
        method.olm.update(logits, labels, logits, labels)
        after.append(method.olm.w.detach().clone())
    assert_close(*after)


def test_no_coefficient_reaches_whether_the_event_is_on():
    method, batch = create("olm"), drawn()
    model = method.build(CLASSES, SMALL["cmbs"])
    outputs, labels = model.supervised(model(batch), batch["label"])
    assert labels.shape == (3,) and outputs.logits["fused"].shape == (3, CLASSES - 1)
    method.loss(outputs, labels).backward()
    assert not model.is_event.weight.grad.any()
    assert model.event.weight.grad is not None


@EVERY
def test_the_baseline_is_the_same_network_without_heads_that_train_it(name):
    base, heads = (create(m).build(CLASSES, SMALL[name]) for m in ("joint", "three_heads"))
    extra = dict(heads.named_parameters()).keys() - dict(base.named_parameters()).keys()
    kinds = {"avga": {"aux"}, "mafnet": {"aux"}, "psp": set(), "cmbs": set()}
    assert {path.split(".")[0] for path in extra} == kinds[name]
    assert base.heads == heads.heads


@EVERY
def test_a_modality_cannot_be_trained_without_the_other(name):
    with pytest.raises(ValueError, match="no part that could train audio alone"):
        alone(SMALL[name], "audio")


def test_gblend_trains_one_head_at_a_time(data):
    method = create("gblend")
    training = train.Training(method, data, SMALL["avga"], TRAIN, 0)
    for head in training.model.heads:
        scheme = method._alone(training.model, head)
        assert isinstance(scheme, OneHead)
        batch = training.clips["train"].__getitems__(range(6))
        model = scheme.build(CLASSES, SMALL["avga"])
        outputs = model(batch)
        assert_close(scheme.loss(outputs, batch["label"]),
                     cross_entropy(outputs.logits[head], batch["label"]))  # fmt: skip
    weights = method.measure(training, "m", 1)
    assert weights.sum().item() == pytest.approx(1) and (weights >= 0).all()


@EVERY
def test_a_stopped_run_goes_on_as_if_it_had_not_stopped(name, data, tmp_path):
    def fit(config, checkpoint=None, **more):
        return train.fit(create("olm"), data, SMALL[name], config, 0, checkpoint, **more)

    class Stop(Exception):
        pass

    def stop(epoch):
        raise Stop

    whole = fit(TRAIN)
    with pytest.raises(Stop):
        fit(TRAIN, tmp_path / "c.pt", on_epoch=stop)
    again = fit(TRAIN, tmp_path / "c.pt")
    assert again.rows == whole.rows
