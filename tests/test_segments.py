"""Clips of T segments, each with a label of its own, count as T times as many samples."""

import copy
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn
from torch.testing import assert_close

from olmlib.config import LateFusionConfig
from olmlib.evaluate import epoch_row, evaluate
from olmlib.history import History
from olmlib.losses import cross_entropy
from olmlib.methods.base import Method, clip_classes
from olmlib.methods.ogm_ge import discrepancy_ratios
from olmlib.methods.table import create
from olmlib.metrics import accuracy, average_precision, mean_average_precision
from olmlib.models.outputs import Outputs

SMALL = LateFusionConfig(width=8)
B, T, C, D = 5, 3, 4, 6
HEADS = ("audio", "visual", "fused")


def flat(value):
    """Return every segment as a sample: `(B * T, ...)` of `(B, T, ...)`."""
    if isinstance(value, dict):
        return {name: flat(part) for name, part in value.items()}
    return value.flatten(0, 1)


def drawn(seed, size=B):
    """Return features `(B, T, D)` that gradients reach, and labels `(B, T)`."""
    torch.manual_seed(seed)
    features = {m: torch.randn(size, T, D, requires_grad=True) for m in HEADS[:2]}
    return features, torch.randint(0, C, (size, T))


def classified(features, seed=0):
    """Return the outputs of linear heads on features of clips or of their segments."""
    torch.manual_seed(seed)
    weights = {m: torch.randn(C, D) for m in features}
    logits = {m: z @ weights[m].T for m, z in features.items()}
    return Outputs(logits | {"fused": 0.7 * sum(logits.values()) + 0.1}, features)


def test_cross_entropy():
    features, labels = drawn(0)
    scores = classified(features).logits["fused"]
    by_hand = [
        -scores[b, t].log_softmax(0)[labels[b, t]].item() for b in range(B) for t in range(T)
    ]
    assert cross_entropy(scores, labels).item() == pytest.approx(np.mean(by_hand), rel=1e-6)
    assert torch.equal(cross_entropy(scores, labels), cross_entropy(flat(scores), flat(labels)))


def test_the_history():
    features, labels = drawn(1)
    logits = classified(features).logits
    segments, samples = History(HEADS), History(HEADS)
    record = {"w": torch.ones(3)}
    segments.add(1, torch.tensor(0.5), logits, labels, record)
    samples.add(1, torch.tensor(0.5), flat(logits), flat(labels), record)
    arrays = samples.arrays()
    for name, value in segments.arrays().items():
        np.testing.assert_array_equal(value, arrays[name], err_msg=name)
    norms = [logits["audio"][b, t].norm().item() for b in range(B) for t in range(T)]
    assert arrays["norm"][0, 0] == pytest.approx(np.mean(norms), rel=1e-6)


def test_the_measures():
    scores, labels = classified(drawn(2)[0]).logits["fused"].detach(), drawn(2)[1]
    prob = scores.softmax(-1).numpy()
    labels = labels.numpy()
    right = [prob[b, t].argmax() == labels[b, t] for b in range(B) for t in range(T)]
    assert accuracy(prob, labels) == np.mean(right)
    one, many = (prob.reshape(-1, C), labels.reshape(-1)), (prob, labels)
    assert accuracy(*one) == accuracy(*many)
    np.testing.assert_array_equal(average_precision(*one), average_precision(*many))
    assert mean_average_precision(*one) == mean_average_precision(*many)
    for wrong in (labels[0], labels[:, :2], labels.reshape(-1)):
        with pytest.raises(ValueError, match="need scores"):
            accuracy(prob, wrong)


class Clips:
    """Clips of segments, or with `T` 1 and a dimension less their segments alone."""

    valence = None

    def __init__(self, x, labels):
        self.x, self.labels = x, labels

    def __len__(self):
        return len(self.x)

    def set_epoch(self, epoch):
        pass

    def __getitems__(self, indices):
        return {"audio": self.x[indices], "label": self.labels[indices]}


class Linear(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(D, C)

    def forward(self, batch):
        scores = self.layer(batch["audio"])
        return Outputs({"audio": scores, "fused": 2 * scores}, {"audio": batch["audio"]})


def test_evaluation():
    torch.manual_seed(0)
    # More than one batch of the evaluation.
    x, labels = torch.randn(150, T, D), torch.randint(0, C, (150, T))
    model, segments = Linear(), Clips(x, labels)
    samples = Clips(flat(x), flat(labels))
    outputs, found = evaluate(model, segments)
    assert outputs.logits["fused"].shape == (150, T, C) and torch.equal(found, labels)
    alone, alone_labels = evaluate(model, samples)
    assert torch.equal(alone_labels, flat(labels)) and not outputs.values
    for part, other in ((outputs.logits, alone.logits), (outputs.features, alone.features)):
        for name, value in part.items():
            assert_close(flat(value), other[name])
    rows = [epoch_row(model, Method(), dict.fromkeys(("dev", "test"), c), "cpu")
            for c in (segments, samples)]  # fmt: skip
    assert rows[0] == pytest.approx(rows[1]) and "test_loss_audio" in rows[0]


def ready(name, options):
    """Return a method in the middle of a training of two heads and a fused one."""
    torch.manual_seed(0)
    method = create(name, **options)
    method.build(C, SMALL)
    if name == "olm":
        method.olm.warmup = 1
    if name == "pmr":
        method.active = method.slowing = True
    if name == "ogm_ge":
        method.active = True
    if name == "gblend":
        method.w = torch.tensor([0.2, 0.5, 0.3], dtype=torch.float64)
    return method


METHODS = [
    ("joint", {}),
    ("three_heads", {}),
    ("cur", {}),
    ("gblend", {}),
    ("gblend", {"scale": "heads"}),
    ("gradnorm", {"site": "features"}),
    ("gradnorm", {"site": "features", "l0": "first"}),
    ("ogm_ge", {}),
    ("pmr", {}),
    ("pmr", {"coefficient": "hard", "per": False}),
    ("olm", {}),
    ("olm", {"preset": "paper"}),
    ("olm", {"preset": "code"}),
    ("olm", {"preset": "variant"}),
    ("olm", {"solver": "weighted_median", "per_sample": True, "reference": "current"}),
]


@pytest.mark.parametrize(("name", "options"), METHODS)
def test_a_method_takes_segments_for_samples(name, options):
    segments, samples = ready(name, options), ready(name, options)
    for step in range(4):
        features, labels = drawn(step)
        dev, dev_labels = drawn(100 + step)
        dev = {h: s.detach() for h, s in classified(dev).logits.items()}
        apart = {m: flat(z).detach().requires_grad_() for m, z in features.items()}
        cases = (
            (segments, features, labels, (dev, dev_labels)),
            (samples, apart, flat(labels), (flat(dev), flat(dev_labels))),
        )
        losses = []
        for method, z, y, probe in cases:
            if name == "pmr":
                method.update({m: h.detach() for m, h in z.items()}, y, C)
            method.probe = probe
            outputs = classified(z)
            losses.append(method.loss(outputs, y))
            losses[-1].backward()
            if name != "cur":  # it reads the network's gradients, not these
                detached = Outputs({h: s.detach() for h, s in outputs.logits.items()}, {})
                method.after_step(detached, y)
        assert_close(*losses)
        for m, z in features.items():
            if z.grad is not None:
                assert_close(flat(z.grad), apart[m].grad)
        record = samples.record()
        for value in segments.record():
            assert_close(segments.record()[value], record[value], msg=value)


def test_a_method_acted_in_the_test_above():
    for name, options in METHODS:
        method, before = ready(name, options), None
        for step in range(3):
            (z, y), probe = drawn(step), drawn(9)
            if name == "pmr":
                method.update({m: h.detach() for m, h in z.items()}, y, C)
            method.probe = (classified(probe[0]).logits, probe[1])
            outputs = classified(z)
            method.loss(outputs, y).backward()
            if name != "cur":
                method.after_step(outputs, y)
            before = before or copy.deepcopy(method.record())
        moved = {k for k, v in method.record().items() if not torch.equal(v, before[k])}
        quiet = {"joint", "three_heads", "gblend", "cur"}
        assert (moved == set()) == (name in quiet), (name, moved)


def test_ratios_of_ogm_ge():
    features, labels = drawn(3)
    logits = classified(features).logits
    scores = torch.stack([logits[m].detach() for m in HEADS[:2]])
    p = [sum(s[b, t].softmax(0)[labels[b, t]].item() for b in range(B) for t in range(T))
         for s in scores]  # fmt: skip
    found = discrepancy_ratios(scores, labels)
    assert found.tolist() == pytest.approx([p[0] / p[1], p[1] / p[0]], rel=1e-5)
    assert torch.equal(found, discrepancy_ratios(scores.flatten(1, 2), flat(labels)))


def test_prototypes_of_pmr_are_means_over_segments():
    features, labels = drawn(4)
    method = ready("pmr", {})
    method.update({m: z.detach() for m, z in features.items()}, labels, C)
    for m, z in features.items():
        for c in labels.unique():
            assert_close(method.prototypes[m][c], z.detach()[labels == c].mean(0))


def test_a_clips_class_is_its_commonest():
    assert clip_classes(np.array([2, 0, 1])).tolist() == [2, 0, 1]
    assert clip_classes(np.array([[2, 0, 2], [1, 1, 0], [3, 3, 3]])).tolist() == [2, 1, 3]
    assert clip_classes(np.array([[1, 0]])).tolist() == [0], "the first of equally common ones"


def test_parts_of_gblend_are_dealt_by_clip(monkeypatch):
    """Labels `(N, T)`: a clip is trained or held out as a whole."""
    labels = np.repeat(np.arange(3), 10)[:, None].repeat(T, 1)
    method, seen = create("gblend", hold_out=0.5), []
    model = method.build(3, SMALL)

    def probe(self, training, head, name, epochs, clips):
        seen.append(clips)
        return torch.tensor([[2.0, 2.1], [1.0, 1.5]], dtype=torch.float64)

    monkeypatch.setattr(type(method), "_probe", probe)
    data = SimpleNamespace(rows=lambda split: np.arange(30), labels=labels)
    w = method.measure(SimpleNamespace(data=data, model=model), "m", 1)
    assert_close(w, torch.full((3,), 1 / 3).double())
    for trained, held_out in seen:
        assert np.bincount(labels[trained, 0]).tolist() == [5, 5, 5]
        assert sorted([*trained, *held_out]) == list(range(30))
