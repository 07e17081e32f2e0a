"""Eq. 2-4 by hand and by symmetry: the hub of bottleneck tokens, in every reading of Eq. 4."""

import pytest
import torch
from torch.nn.functional import layer_norm, multi_head_attention_forward
from torch.testing import assert_close

from olmlib.irfb import IRFB, POOLS, MultiHeadAttention

READINGS = ("broadcast", "token", "modality")
D, HEADS, TOKENS = 8, 2, 3


def block(pool="broadcast", modalities=2, d=D, **options):
    torch.manual_seed(0)
    made = IRFB(d, modalities, HEADS, TOKENS, pool, **options)
    for p in made.parameters():  # off the start, where all scores are almost the same
        torch.nn.init.normal_(p, std=0.3)
    return made


@pytest.fixture
def hub():
    torch.manual_seed(1)
    return torch.randn(2, TOKENS, D)


@pytest.fixture
def streams():
    torch.manual_seed(2)
    return [torch.randn(2, 5, D), torch.randn(2, 7, D), torch.randn(2, 4, D)]


def test_attention_is_that_of_torch():
    torch.manual_seed(0)
    ours = MultiHeadAttention(D, HEADS)
    torch.nn.init.normal_(ours.project.bias)
    queries, tokens = torch.randn(2, 3, D), torch.randn(2, 5, D)
    keep = torch.tensor([[True, True, False, False, False], [True] * 5])
    for q in (queries, tokens):
        theirs, _ = multi_head_attention_forward(
            *(x.transpose(0, 1) for x in (q, tokens, tokens)), D, HEADS,
            ours.project.weight, ours.project.bias, None, None, False, 0.0,
            ours.out.weight, ours.out.bias, key_padding_mask=~keep,
        )  # fmt: skip
        assert_close(ours(q, tokens, keep), theirs.transpose(0, 1))


def test_self_attention_is_cross_attention_to_a_copy():
    torch.manual_seed(0)
    attention, tokens = MultiHeadAttention(D, HEADS), torch.randn(2, 5, D)
    assert_close(attention(tokens, tokens), attention(tokens, tokens.clone()))


def test_attention_weights_are_dropped_in_training_only():
    torch.manual_seed(0)
    attention, tokens = MultiHeadAttention(D, HEADS, dropout=0.5), torch.randn(2, 5, D)
    assert not torch.equal(attention(tokens, tokens), attention(tokens, tokens))
    attention.eval()
    assert torch.equal(attention(tokens, tokens), attention(tokens, tokens))


def test_a_constant_gate_vanishes_in_the_norm():
    # With all gate weights 0, g = 0.5 and LN(1.5 u) = LN(u).
    u = torch.tensor([1.0, 2.0, 3.0, 6.0])
    by_hand = torch.tensor([-1.0690, -0.5345, 0.0, 1.6036])
    assert_close(layer_norm(u, (4,)), by_hand, atol=1e-4, rtol=0)
    assert_close(layer_norm(1.5 * u, (4,)), by_hand, atol=1e-4, rtol=0)

    made = IRFB(4, 1, 1, 1).eval()
    torch.nn.init.zeros_(made.readers[0].out.weight)
    torch.nn.init.zeros_(made.gate.weight)
    # Eq. 2 makes LN(u) of u, Eq. 3 LN(1.5 LN(u)), which is LN(u) again.
    copies = made.copies(u.view(1, 1, 4), [torch.randn(1, 2, 4)], [None])
    assert_close(copies.flatten(), by_hand, atol=1e-4, rtol=0)


def test_the_contrast_of_the_gate_does_not_vanish():
    made = IRFB(4, 1, 1, 1).eval()
    torch.nn.init.zeros_(made.readers[0].out.weight)
    torch.nn.init.zeros_(made.gate.weight)
    made.gate.bias.data = torch.tensor([0.0, 0.0, 0.0, 50.0])
    u = torch.tensor([1.0, 2.0, 3.0, 6.0])
    copies = made.copies(u.view(1, 1, 4), [torch.randn(1, 2, 4)], [None])
    gated = layer_norm(u, (4,)) * torch.tensor([1.5, 1.5, 1.5, 2.0])
    assert_close(copies.flatten(), layer_norm(gated, (4,)))


def test_every_gate_reads_the_cls_tokens_of_all_modalities(hub, streams):
    made = block(modalities=3)
    before = made.copies(hub, streams, [None] * 3)
    for changed in range(3):
        others = [z.clone() for z in streams]
        others[changed][:, 0] += 1
        after = made.copies(hub, others, [None] * 3)
        assert (before != after).any(dim=(2, 3)).all()
        others[changed][:, 0] -= 1
        others[changed][:, 1] += 1  # another token: only its own modality's copy sees it
        after = made.copies(hub, others, [None] * 3)
        seen = [not torch.allclose(before[:, m], after[:, m], atol=1e-5) for m in range(3)]
        assert seen == [m == changed for m in range(3)]


def test_broadcast_by_hand():
    # z_g = [[1, 0], [0, 1]], W = I, b = 0, v = (1, 0).
    made = IRFB(2, 2, 1, 1)
    made.key.weight.data = torch.eye(2)
    made.score.weight.data = torch.tensor([[1.0, 0.0]])
    z_g = torch.eye(2).view(1, 2, 1, 2)
    scores = made.score(made.key(z_g).tanh()).flatten()
    assert_close(scores, torch.tensor([0.761594, 0.0]))
    assert_close(made.weights(z_g).flatten(), torch.tensor([0.681700, 0.318300]), atol=1e-6, rtol=0)
    made.copies = lambda *_: z_g
    hub = torch.tensor([[[10.0, 20.0], [-1.0, 5.0], [0.0, 0.0]]])
    update = torch.tensor([0.681700, 0.318300]).expand(1, 3, 2)
    assert_close(made(hub, [None, None]) - hub, update, atol=1e-6, rtol=0)


def test_token_and_modality_readings_by_hand():
    copies = torch.tensor([[[[1.0, 0], [0, 2]], [[0, 1], [3, 0]]]])  # (B=1, M=2, T_b=2, d=2)
    hub = torch.zeros(1, 2, 2)
    for pool in ("token", "modality"):
        made = IRFB(2, 2, 1, 2, pool)
        torch.nn.init.zeros_(made.score.weight)  # equal weights: the mean of the copies
        made.copies = lambda *_: copies
        assert_close(made(hub, [None, None]), copies.mean(1))
    made = IRFB(2, 2, 1, 2, "token")
    made.key.weight.data = torch.eye(2)
    made.score.weight.data = torch.tensor([[1.0, 0.0]])
    scores = copies[..., 0].tanh()
    assert_close(made.weights(copies), scores.exp() / scores.exp().sum(1, keepdim=True))


def test_sum_ffn_is_a_post_norm_block_on_the_sum_of_the_copies(hub, streams):
    made = block("sum_ffn", ffn_dim=16)
    q = made.copies(hub, streams[:2], [None] * 2).sum(1)
    first, last = made.feed_forward.layers[0], made.feed_forward.layers[3]
    norm = made.feed_forward.norm
    expected = layer_norm(q + last(first(q).relu()), (D,), norm.weight, norm.bias)
    assert_close(made(hub, streams[:2]), expected)


@pytest.mark.parametrize("modalities", [1, 2, 3])
def test_U5_shapes_and_sums_of_the_weights(modalities, hub, streams):
    streams = streams[:modalities]
    for pool in POOLS:
        assert block(pool, modalities)(hub, streams).shape == hub.shape
    ones, weights = torch.ones(2), {}
    for pool in READINGS:
        made = block(pool, modalities)
        weights[pool] = made.weights(made.copies(hub, streams, [None] * modalities))
        assert (weights[pool] > 0).all()
    assert weights["broadcast"].shape == weights["token"].shape == (2, modalities, TOKENS)
    assert_close(weights["broadcast"].sum((1, 2)), ones)
    assert_close(weights["token"].sum(1), torch.ones(2, TOKENS))
    assert weights["modality"].shape == (2, modalities, 1)
    assert_close(weights["modality"].sum((1, 2)), ones)


def spread(hub):
    return hub[:, 1:] - hub[:, :1]


@pytest.mark.parametrize("pool", POOLS)
def test_U6_only_broadcast_preserves_the_differences_of_tokens(pool, hub, streams):
    after = block(pool)(hub, streams[:2])
    same = torch.allclose(spread(after), spread(hub), atol=1e-5)
    assert same == (pool == "broadcast")


@pytest.mark.parametrize("pool", ["broadcast", "token", "sum_ffn"])
def test_U7_permuting_the_hub_permutes_its_update(pool, hub, streams):
    # Not `modality`: its score reads the tokens in their order.
    made, order = block(pool), [2, 0, 1]
    assert_close(made(hub[:, order], streams[:2]), made(hub, streams[:2])[:, order])


@pytest.mark.parametrize("pool", POOLS)
def test_equal_tokens_stay_equal(pool, streams):
    # So the hub must not start at zero.
    same = torch.zeros(2, TOKENS, D)
    assert spread(block(pool)(same, streams[:2])).abs().max() < 1e-6


def test_the_mean_update_of_broadcast_and_token_agrees_for_equal_weights(hub, streams):
    updates = []
    for pool in ("broadcast", "token"):
        made = block(pool)
        torch.nn.init.zeros_(made.score.weight)
        updates.append((made(hub, streams[:2]) - hub).mean(1))
    assert_close(*updates)


def test_the_hub_grows_by_about_root_d_per_layer(streams):
    # Eq. 4 has no norm; pooled 5.7, 13.6, 21.6, ... at d = 64, without a limit.
    torch.manual_seed(0)
    streams = [torch.randn(2, 20, 64), torch.randn(2, 30, 64)]
    hub, norms = 0.02 * torch.randn(1, 12, 64).expand(2, -1, -1), []
    for _ in range(6):
        hub = IRFB(64, 2, 8, 12)(hub, streams)
        norms.append(hub.mean(1).norm(dim=-1).mean().item())
    steps = [b - a for a, b in zip(norms, norms[1:], strict=False)]
    assert all(3 < step <= 8.1 for step in steps)  # at most sqrt(64), the norm of an LN output
    assert norms[-1] > 4 * norms[0]


def test_padding_is_not_read(hub, streams):
    made = block()
    keep = [torch.arange(5) < torch.tensor([[3], [5]]), None]
    before = made(hub, streams[:2], keep)
    streams[0][0, 3:] = 100.0
    assert_close(made(hub, streams[:2], keep), before)
    streams[0][0, 2] = 100.0
    assert not torch.allclose(made(hub, streams[:2], keep), before)


@pytest.mark.parametrize(("modalities", "parameters"), [(2, 992), (3, 1640), (4, 2416)])
def test_parameters(modalities, parameters):
    # (M^2 + 4 M + 1) d^2 + (9 M + 2) d, at d = 8.
    M, d = modalities, 8
    for pool in ("broadcast", "token"):
        made = IRFB(d, M, HEADS, TOKENS, pool)
        assert sum(p.numel() for p in made.parameters()) == parameters
    assert parameters == (M**2 + 4 * M + 1) * d**2 + (9 * M + 2) * d


@pytest.mark.parametrize("pool", POOLS)
def test_no_parameter_is_idle(pool, hub, streams):
    # The official block carries a self-attention that it never calls, which breaks strict DDP.
    made = block(pool)
    (made(hub, streams[:2]) * torch.randn(2, TOKENS, D)).sum().backward()
    assert [name for name, p in made.named_parameters() if p.grad is None] == []


def test_errors():
    with pytest.raises(ValueError, match="'mean'; it can be broadcast, token, modality, sum_ffn"):
        IRFB(8, 2, 2, 3, "mean")
    with pytest.raises(ValueError, match="d_model 8 is not divisible by n_heads 3"):
        IRFB(8, 2, 3, 3)
