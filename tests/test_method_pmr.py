"""PMR: prototypes, coefficients, and the loss by hand."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy
from torch.testing import assert_close

from olmlib import train
from olmlib.config import LateFusionConfig, TrainConfig
from olmlib.data.synthetic import synthetic
from olmlib.evaluate import evaluate
from olmlib.methods import pmr
from olmlib.methods.table import create
from olmlib.models.outputs import Outputs

SMALL = LateFusionConfig(width=8)
CONFIG = TrainConfig(epochs=2, batch_size=8, lr=0.02)
# T-PMR-1.
PROTOTYPES = {
    "audio": torch.tensor([[0.0, 0], [3, 4]]),
    "visual": torch.tensor([[0.0, 0], [1, 0]]),
}
FEATURES = {"audio": torch.tensor([[0.0, 1], [3, 2]]), "visual": torch.tensor([[0.5, 0], [0, 0]])}
LABELS = torch.tensor([0, 1])


def scheme(prototypes=PROTOTYPES, **options):
    method = create("pmr", **options)
    method.prototypes = dict(prototypes)
    method.seen = torch.ones(len(prototypes["audio"]), dtype=torch.bool)
    method.active, method.slowing = True, method.per
    return method


def log_p(modality, seen=(True, True)):
    return pmr.log_probabilities(FEATURES[modality], PROTOTYPES[modality], torch.tensor(seen))


def test_t_pmr_1_probabilities():
    right = {m: log_p(m)[[0, 1], LABELS] for m in FEATURES}
    assert_close(right["audio"].exp(), torch.tensor([0.962408, 0.832793]), atol=1e-6, rtol=0)
    assert_close(right["visual"].exp(), torch.tensor([0.5, 0.268941]), atol=1e-6, rtol=0)
    assert_close(-right["audio"].mean(), torch.tensor(0.110644), atol=1e-6, rtol=0)
    assert_close(-right["visual"].mean(), torch.tensor(1.003204), atol=1e-6, rtol=0)
    p = torch.stack([right[m].exp().sum() for m in FEATURES])
    assert_close(p[0] / p[1], torch.tensor(2.334639), atol=1e-5, rtol=0)
    entropy = -(log_p("audio").exp() * log_p("audio")).sum(-1).mean()
    assert_close(entropy, torch.tensor(0.305823), atol=1e-6, rtol=0)


def test_t_pmr_1_loss():
    # Two classes and a margin of m give a cross-entropy of log(1 + exp(-m)), here 0.5.
    margin = -math.log(math.expm1(0.5))
    fused = torch.tensor([[margin, 0], [0, margin]])
    method = scheme(alpha=2.0)
    loss = method.loss(Outputs({"fused": fused}, FEATURES), LABELS)
    assert_close(loss, torch.tensor(2.503350), atol=2e-6, rtol=0)
    assert method.record()["beta"].tolist() == [0, 1, 0]
    assert method.record()["gamma"].tolist() == [1, 0, 0]


@pytest.mark.parametrize(
    ("rho", "audio", "visual"),
    [(0.4, 1, 0), (0.5, 1, 0), (0.8, 0.25, 0), (1.0, 0, 0), (1.3, 0, 0.3), (2.5, 0, 1)],
)
def test_t_pmr_2(rho, audio, visual):
    p = torch.tensor([rho, 1.0])
    beta, gamma = pmr.coefficients(p)
    assert_close(beta, torch.tensor([audio, visual], dtype=torch.float32))
    assert_close(gamma, beta.flip(0))
    assert pmr.coefficients(p, hard=True)[0].tolist() == [rho < 1, rho > 1]


def test_t_pmr_3():
    method = create("pmr")
    for value in ([1.0, 1.0], [2.0, 0.0]):
        method.update({"audio": torch.tensor([value])}, torch.tensor([0]), 1)
    assert_close(method.prototypes["audio"], torch.tensor([[1.8, 0.2]]))


def test_t_pmr_4():
    torch.manual_seed(0)
    z = {m: torch.randn(2, 2, requires_grad=True) for m in FEATURES}
    weight = torch.randn(2, 4, requires_grad=True)
    fused = torch.cat([*z.values()], 1) @ weight.T
    # Vision is put where it recognises neither sample.
    far = {"audio": z["audio"].detach()[LABELS], "visual": z["visual"].detach()[1 - LABELS]}
    method = scheme(far, per=False)
    total = method.loss(Outputs({"fused": fused}, z), LABELS)
    assert method.beta[0] == 0 and method.beta[1] > 0
    term = total - cross_entropy(fused, LABELS)
    audio, visual, head = torch.autograd.grad(term, [*z.values(), weight], allow_unused=True)
    # The cross-entropy's own gradients are subtracted, in floating point; PCE's alone are 0.
    assert_close(audio, torch.zeros(2, 2), atol=1e-7, rtol=0)
    assert_close(head, torch.zeros(2, 4), atol=1e-7, rtol=0)
    assert visual.abs().max() > 1e-2
    pce = method.loss(Outputs({"fused": torch.zeros(2, 2, requires_grad=True)}, z), LABELS)
    audio, visual = torch.autograd.grad(pce, [*z.values()])
    assert (audio == 0).all() and (visual != 0).any()


@pytest.mark.parametrize(("coefficient", "per"), [("soft", True), ("hard", True), ("soft", False)])
def test_loss_is_a_double_loop_over_samples_and_classes(coefficient, per):
    torch.manual_seed(2)
    B, C, d = 7, 4, 5
    names = ("audio", "visual", "depth")  # more than two modalities
    z = {m: torch.randn(B, d) for m in names}
    c = {m: (1 + i) * torch.randn(C, d) for i, m in enumerate(names)}
    y, s = torch.randint(C, (B,)), torch.randn(B, C)
    method = scheme(c, alpha=1.5, mu=0.3, coefficient=coefficient, per=per)
    loss = method.loss(Outputs({"fused": s}, z), y)

    p, pce, entropy = [], [], []
    for m in names:
        right = nats = chaos = 0.0
        for i in range(B):
            near = []
            for k in range(C):
                near.append(math.exp(-math.dist(z[m][i].tolist(), c[m][k].tolist())))
            shares = [x / sum(near) for x in near]
            right += shares[y[i]]
            nats -= math.log(shares[y[i]]) / B
            chaos -= sum(x * math.log(x) for x in shares) / B
        p.append(right)
        pce.append(nats)
        entropy.append(chaos)
    expected = cross_entropy(s, y).item()
    for m in range(3):
        beta = min(max(max(p) / p[m] - 1, 0), 1)
        gamma = min(max(p[m] / min(p) - 1, 0), 1)
        if coefficient == "hard":
            beta, gamma = float(p[m] < max(p)), float(p[m] > min(p))
        expected += 1.5 * beta * pce[m] - per * 0.3 * gamma * entropy[m]
    assert_close(loss.item(), expected, atol=1e-5, rtol=1e-5)


def test_a_class_without_sample_keeps_its_prototype():
    method = create("pmr")
    first = torch.tensor([[1.0, 1], [3, 3], [5, 5]])
    method.update({"audio": first}, torch.tensor([0, 0, 2]), 4)
    assert method.seen.tolist() == [True, False, True, False]
    assert method.prototypes["audio"].tolist() == [[2, 2], [0, 0], [5, 5], [0, 0]]
    method.update({"audio": torch.tensor([[7.0, 7]])}, torch.tensor([1]), 4)
    assert method.prototypes["audio"].tolist() == [[2, 2], [7, 7], [5, 5], [0, 0]]


def test_a_feature_on_its_prototype_and_a_class_without_one_give_finite_gradients():
    z = PROTOTYPES["audio"].clone().requires_grad_()
    log_p = pmr.log_probabilities(z, PROTOTYPES["audio"], torch.tensor([True, False]))
    assert log_p[:, 0].tolist() == [0, 0]
    (-(log_p.exp() * log_p).sum() - log_p[:, 0].sum()).backward()
    assert torch.isfinite(z.grad).all()
    assert torch.equal(pmr.coefficients(torch.zeros(2))[0], torch.zeros(2))


def test_the_windows_are_those_of_the_paper_in_epochs():
    method = create("pmr")
    method.update = lambda *args: None
    data = SimpleNamespace(rows=lambda split: np.arange(4), labels=np.zeros(4, int), classes=("a",))
    training = SimpleNamespace(config=SimpleNamespace(epochs=100), data=data)
    active, slowing = [], []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pmr, "evaluate", lambda *args: (Outputs({}, {}), None))
        training.model = training.device = None
        training.part = lambda rows: None
        for epoch in range(1, 101):
            method.on_epoch_start(training, epoch, 1)
            active += [epoch - 1] * method.active
            slowing += [epoch - 1] * method.slowing
    assert active == list(range(71)) and slowing == list(range(5))
    fused = torch.randn(2, 2)
    loss = method.loss(Outputs({"fused": fused}, FEATURES), LABELS)
    assert_close(loss, cross_entropy(fused, LABELS))
    assert method.record()["beta"].tolist() == [0, 0, 0]


def test_the_subset_has_every_class_in_its_share():
    labels = np.repeat([0, 1, 2], [40, 20, 3])
    rows = np.flatnonzero(np.arange(63) != 5)
    chosen = pmr.stratified(rows, labels, 0.1, seed=0)
    assert np.bincount(labels[chosen]).tolist() == [4, 2, 1]
    assert set(chosen) <= set(rows) and sorted(set(chosen)) == chosen.tolist()
    assert chosen.tolist() == pmr.stratified(rows, labels, 0.1, seed=0).tolist()
    assert chosen.tolist() != pmr.stratified(rows, labels, 0.1, seed=1).tolist()


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return synthetic(tmp_path_factory.mktemp("d") / "set", clips=30, classes=3, frames=40, size=32)


def test_prototypes_are_class_means_in_eval_mode_without_augmentation(data):
    method = create("pmr", subset=1.0)
    training = train.Training(method, data, SMALL, CONFIG, seed=0)
    before = {k: v.clone() for k, v in training.model.state_dict().items()}
    method.on_epoch_start(training, 1, 1)
    (_, features, *_), labels = evaluate(training.model, training.part(data.rows("train")))
    for m, z in features.items():
        mean = torch.stack([z[labels == c].mean(0) for c in range(3)])
        assert_close(method.prototypes[m], mean)
    assert all(torch.equal(v, before[k]) for k, v in training.model.state_dict().items())
    assert training.model.training
    method.state_dict()["prototypes"].clear()
    assert method.prototypes


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"coefficient": "firm"}, "soft"),
        ({"subset": 0}, "subset is 0"),
        ({"beta": 1}, "beta is no option"),
    ],
)
def test_an_unknown_option_is_an_error(options, message):
    with pytest.raises(ValueError, match=message):
        create("pmr", **options)
