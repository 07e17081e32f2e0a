"""What notebook 04 shows: Eq. 2-4 by hand, the readings of Eq. 4, and what gradients reach."""

import numpy as np
import pytest
import torch

from companion.lessons.irfb import picture, toy
from companion.lessons.irfb.toy import HUB, SCORE, STREAMS, layer_norm, softmax


def test_the_toy_block_is_its_three_equations_by_hand():
    copies = []
    for z in STREAMS.values():
        u = layer_norm(HUB + softmax(HUB @ z.T / np.sqrt(3)) @ z)
        copies.append(layer_norm((1 + 1 / (1 + np.exp(-z[0]))) * u)[0])
    alpha = softmax(np.tanh(copies) @ SCORE)
    by_hand = HUB[0] + alpha @ np.array(copies)
    streams = [torch.tensor(z)[None] for z in STREAMS.values()]
    with torch.no_grad():
        by_class = toy.block().double()(torch.tensor(HUB)[None], streams)[0, 0]
    np.testing.assert_allclose(by_class, by_hand, atol=1e-6)


def test_what_the_hub_reads_of_audio_is_the_number_in_the_text():
    weights = softmax(HUB @ STREAMS["audio"].T / np.sqrt(3))
    np.testing.assert_allclose(weights[0], [0.760, 0.240], atol=5e-4)
    np.testing.assert_allclose((weights @ STREAMS["audio"])[0], [1.521, 0.240, 0], atol=1e-3)


def test_each_reading_of_eq_4_has_its_own_sums():
    found = toy.readings()
    np.testing.assert_allclose(found["broadcast"]["weights"].sum(), 1, rtol=1e-5)
    for pool in ("token", "modality"):
        np.testing.assert_allclose(found[pool]["weights"].sum(0), 1, rtol=1e-5)
    assert np.ptp(found["modality"]["weights"], axis=1).max() == 0
    assert "weights" not in found["sum_ffn"]


def test_only_broadcast_moves_all_hub_tokens_alike():
    spread = {pool: np.ptp(one["change"], 0).max() for pool, one in toy.readings().items()}
    assert spread.pop("broadcast") < 1e-5
    assert min(spread.values()) > 0.1


@pytest.mark.parametrize("detach", [False, True])
def test_a_modalitys_loss_reaches_its_own_encoder_only(detach):
    reach = toy.reach(toy.network(detach_unimodal=detach), toy.batch())
    assert reach.loc["audio", "audio"] > 0 == reach.loc["audio", ["visual", "fused"]].max()
    assert reach.loc["visual", "visual"] > 0 == reach.loc["visual", ["audio", "fused"]].max()
    assert (reach.loc["fused", ["audio", "visual"]] == 0).all() == detach
    assert reach.loc["fused", "fused"] > 0


def test_in_mbt_every_loss_reaches_everything():
    assert (toy.reach(toy.network(fusion="mbt"), toy.batch()) > 0).all(axis=None)


def test_padding_is_invisible_unless_the_official_mask_is_asked_for():
    clips = toy.batch()
    more = toy.padded(clips)
    with torch.no_grad():
        for order, same in (("cls_first", True), ("cls_last", False)):
            net = toy.network(mask_order=order)
            gap = (net(more).logits["audio"] - net(clips).logits["audio"]).abs().max()
            assert (gap < 1e-5) == same


def test_the_official_mask_spares_the_longest_clip_alone():
    clips = toy.batch()
    with torch.no_grad():
        ours, official = (
            toy.network(mask_order=order)(clips).logits for order in ("cls_first", "cls_last")
        )
    longest = clips["audio_length"] == clips["audio_length"].max()
    for head, logits in ours.items():
        moved = (official[head] - logits).abs().amax(1)
        assert moved[longest].max() == 0 < moved[~longest].min()


def test_the_figures_have_the_panels_that_the_text_describes():
    found = toy.readings()
    figure = picture.equation4(found)
    assert [ax.get_title(loc="left") for ax in figure.axes[:4]] == list(found)
    table = toy.reach(toy.network(), toy.batch())
    figure = picture.gradients({"IRFB": table, "again": table})
    hatched = [p for p in figure.axes[0].patches if p.get_hatch()]
    assert len(hatched) == (table == 0).sum().sum() == 4


def test_ink_contrasts_with_the_colour_under_it():
    cells = {"black": [(1, 1, 1), (0.13, 0.65, 0.52)], "white": [(0, 0, 0), (0.28, 0.17, 0.47)]}
    for ink, colours in cells.items():
        assert [picture._ink((*colour, 1)) for colour in colours] == [ink] * 2
