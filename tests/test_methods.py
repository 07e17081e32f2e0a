"""The hooks: what each method minimises, and how one is found by name."""

from types import SimpleNamespace

import pytest
import torch
from torch.nn.functional import cross_entropy
from torch.testing import assert_close

from olmlib.config import LateFusionConfig
from olmlib.methods.table import create
from olmlib.models.outputs import Outputs

SMALL = LateFusionConfig(width=8)
LABELS = torch.tensor([0, 1, 2, 0])


@pytest.fixture
def batch():
    torch.manual_seed(0)
    audio, visual = torch.randn(4, 1, 65, 75), torch.randn(4, 3, 1, 32, 32)
    return {"audio": audio, "visual": visual, "label": LABELS}


@pytest.mark.parametrize(
    ("name", "options", "head"),
    [
        ("unimodal", {"modality": "audio"}, "audio"),
        ("unimodal", {"modality": "visual"}, "visual"),
        ("joint", {}, "fused"),
    ],
)
def test_one_head_is_plain_cross_entropy(name, options, head, batch):
    method = create(name, **options)
    outputs = method.build(3, SMALL)(batch)
    assert_close(method.predict(outputs.logits), outputs.logits[head])
    assert_close(method.loss(outputs, LABELS), cross_entropy(outputs.logits[head], LABELS))


def test_joint_does_not_train_the_unimodal_readouts_apart(batch):
    model = create("joint").build(3, SMALL)
    assert model.aux is None


def test_three_heads_is_olm_with_all_coefficients_one(batch):
    torch.manual_seed(1)
    plain = create("three_heads")
    outputs = plain.build(3, SMALL)(batch)
    expected = sum(cross_entropy(s, LABELS) for s in outputs.logits.values())
    assert_close(plain.loss(outputs, LABELS), expected)
    modulated = create("olm")
    modulated.build(3, SMALL)
    assert_close(modulated.loss(outputs, LABELS), expected)


def test_the_probe_is_measured_every_few_steps_in_eval_mode(batch):
    method = create("olm", probe_size=2, probe_every=3)
    model = method.build(3, SMALL)
    method.on_epoch_start(None, 1, 10)
    asked = []

    def next_dev(size):
        assert size == 2
        asked.append(method.olm.step)
        return batch

    before = {k: v.clone() for k, v in model.named_buffers()}
    for _ in range(7):
        method.forward_extra(model, next_dev, 32)
        assert model.training
        logits = {h: s.detach() for h, s in model.eval()(batch).logits.items()}
        model.train()
        method.after_step(Outputs(logits, {}), LABELS)
    assert asked == [0, 3, 6]
    assert all(torch.equal(v, before[k]) for k, v in model.named_buffers())


def test_the_official_preset_forwards_a_whole_dev_batch_in_train_mode(batch):
    method = create("olm", preset="code")
    model = method.build(3, SMALL)
    before = model.encoders["audio"].trunk.bn1.running_mean.clone()
    method.forward_extra(model, lambda size: batch if size == 32 else None, 32)
    assert not torch.equal(before, model.encoders["audio"].trunk.bn1.running_mean)


def test_the_official_variant_learns_nothing_of_the_dev_set(batch):
    def trained(dev):
        torch.manual_seed(0)
        method = create("olm", preset="variant", network_loss="mean")
        model = method.build(3, SMALL)
        assert method.epoch_length(84, 21) == 84
        method.on_epoch_start(None, 1, 2)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
        for _ in range(4):
            outputs = model(batch)
            method.forward_extra(model, lambda size: dev, 32)
            optimizer.zero_grad()
            method.loss(outputs, LABELS).backward()
            optimizer.step()
            logits = {h: s.detach() for h, s in outputs.logits.items()}
            method.after_step(Outputs(logits, {}), LABELS)
        return method, model.state_dict()

    other = batch | {m: 3 * batch[m] + 1 for m in ("audio", "visual")}
    (one, weights), (two, others) = trained(batch), trained(other)
    assert not torch.equal(one.record()["dev_loss"], two.record()["dev_loss"])
    assert torch.equal(one.olm.w, two.olm.w)
    assert (one.olm.w != 1).all()
    assert all(torch.equal(value, others[name]) for name, value in weights.items())


def test_the_coefficients_gradient_loses_the_scale_of_a_mixed_precision_loss(batch):
    ends = []
    for scale in (1.0, 2.0**12):
        torch.manual_seed(0)
        method = create("olm", preset="code")
        outputs = method.build(3, SMALL)(batch)
        scaler = torch.amp.GradScaler("cpu", init_scale=scale, enabled=scale > 1)
        method.on_epoch_start(SimpleNamespace(scaler=scaler), 1, 2)
        scaler.scale(method.loss(outputs, LABELS)).backward()
        method.after_backward(None)
        method.probe = outputs.logits, LABELS
        ends.append(method.olm.w.grad)
        method.after_step(outputs, LABELS)
    assert_close(*ends)


@pytest.mark.parametrize(
    ("options", "together"),
    [
        ({"preset": "code"}, False),
        ({"preset": "code", "network_loss": "mean"}, True),
        ({"network_loss": "sum"}, False),
        ({}, True),
    ],
)
def test_a_summed_loss_is_not_split_over_processes(options, together):
    method = create("olm", **options)
    method.build(3, SMALL)
    assert method.distributed == together


def test_T_OLM_F5_the_epoch_of_the_code_ends_with_the_dev_loader():
    # CREMA-D's fold: 1,339 dev clips in batches of 64.
    for preset, steps in (("code", 21), ("stable", 84)):
        method = create("olm", preset=preset)
        method.build(3, SMALL)
        assert method.epoch_length(84, -(-1339 // 64)) == steps


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("nothing", {}, "no method 'nothing'; there are avslowfast, .*unimodal$"),
        ("base", {}, "no method"),
        ("joint", {"alpha": 1}, "alpha is no option"),
    ],
)
def test_an_unknown_method_or_option_is_an_error(name, options, message):
    with pytest.raises(ValueError, match=message):
        create(name, **options)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("olm", {"smothing": 1}, "smothing is no option"),
        ("olm", {"presett": "stable"}, "presett is no option"),
        ("olm", {"preset": "best"}, "preset is 'best', not one of stable, paper, code"),
        ("olm", {"rule": "revrsed"}, "rule is 'revrsed', not one of olm, uniform"),
        ("olm", {"warmup": 5}, "warmup is no option"),
        ("olm", {"probe_every": 0}, "probe_every is 0"),
        ("joint", {"fusion": "fim"}, "fusion is 'fim', not one of concat"),
        ("joint", {"fusion": ["film"]}, "fusion is .'film'., not a text"),
        ("joint", {"mask": "ones"}, "mask is 'ones'"),
        ("joint", {"fusion": "attention", "normalize": "sofmax"}, "normalize is 'sofmax'"),
        ("joint", {"fusion": "film", "normalize": "softmax"}, "normalize is no option"),
        ("gradnorm", {"alpha": "x"}, "alpha is 'x', not a finite number"),
        ("gradnorm", {"lr_w": 0}, "lr_w is 0"),
        ("ogm_ge", {"ge": "flase"}, "ge is 'flase', not true or false"),
        ("ogm_ge", {"alpha": None}, "alpha is None"),
        ("ogm_ge", {"until": "end"}, "until is 'end'"),
        ("pmr", {"mu": "1e-2"}, "written like 1.0e-3"),
        ("pmr", {"per": "no"}, "per is 'no'"),
        ("cur", {"window": 2.5}, "window is 2.5, not a whole number"),
        ("cur", {"threshold": float("nan")}, "threshold is nan"),
        ("gblend", {"folds": "five"}, "folds is 'five'"),
        ("mmcosine", {"scale": True}, "scale is True"),
        ("avslowfast", {"drop": 80}, "drop is 80"),
        ("avslowfast", {"avs": "x"}, "avs is 'x'"),
    ],
)
def test_a_wrong_option_is_an_error_before_the_model_is_built(name, options, message):
    with pytest.raises(ValueError, match=message):
        create(name, **options)
