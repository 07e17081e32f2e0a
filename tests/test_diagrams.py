"""Figures 2 and 3 as diagrams: what must be in them, and which arrows must not."""

import matplotlib.pyplot as plt
import pytest
from matplotlib.colors import to_hex

from companion.figures import fig2, fig3
from companion.figures.diagram import GAP, arrow, box, canvas, tokens
from companion.figures.style import COLOURS


def texts(ax):
    return [text.get_text() for text in ax.texts if text.get_text()]


def arrows(ax):
    """Return colour, start and end of every arrow."""
    found = [text for text in ax.texts if getattr(text, "arrow_patch", None)]
    return [(to_hex(a.arrow_patch.get_edgecolor()).upper(), a.xyann, a.xy) for a in found]


def test_figure_2_has_both_kinds_of_fusion_the_loop_and_what_w_does():
    figure = fig2.draw()
    titles = [ax.get_title(loc="left") for ax in figure.axes]
    assert [title[:3] for title in titles] == ["(A)", "(B)", "(C)", "(D)"]
    late, mid, loop, _ = figure.axes
    for ax in (late, mid):
        scaled = {text for text in texts(ax) if text.startswith("$w_")}
        assert scaled == {rf"$w_{m}\, s_{m}$" for m in "avb"}
    said = " ".join(texts(loop))
    assert all(f"Eq. {n}" in said for n in (6, 7, 8, 9)) and "Algorithm 1" in said


def test_w_keeps_the_direction_of_logits():
    ax = fig2.draw().axes[3]
    raw = {to_hex(line.get_color()).upper(): line.get_xydata()[1] for line in ax.lines}
    for colour, start, (x, y) in arrows(ax):
        assert start == (0, 0)
        assert x * raw[colour][1] == pytest.approx(y * raw[colour][0])
        assert x != pytest.approx(raw[colour][0])


def test_in_figure_3_no_arrow_leads_from_the_hub_to_a_modality():
    (ax,) = fig3.draw().axes
    inside = min(abs(y - fig3.HUB) for y in fig3.STREAM.values()) - 1
    ends = [(colour, start, end) for colour, start, end in arrows(ax)]
    hub = [end for colour, _, end in ends if colour == COLOURS["fused"]]
    assert len(hub) >= 7 and all(abs(y - fig3.HUB) < inside for _, y in hub)
    for m, lane in fig3.STREAM.items():
        own = [(start, end) for colour, start, end in ends if colour == COLOURS[m]]
        into = [end for start, end in own if abs(end[1] - lane) > 1]
        assert len(into) == 2, "what Eq. 2 reads, and the CLS token of Eq. 3"
        assert all(abs(y - fig3.HUB) < inside for _, y in into)
        # Nothing else comes in: the other arrows run along the lane.
        assert all(start[1] == end[1] == lane for start, end in own if end not in into)
    said = " ".join(texts(ax))
    assert all(f"Eq. {n}" in said for n in (1, 2, 3, 4))


def test_arrows_end_beside_boxes_and_the_cls_token_is_filled():
    figure, ax = plt.subplots()
    plt.close(figure)
    canvas(ax, 10, 4)
    one = box(ax, 2, 1, "one", width=2, height=1)
    assert one.right == (3 + GAP, 1) and one.top == (2, 1.5 + GAP)
    assert one.left == (1 - GAP, 1) and one.bottom == (2, 0.5 - GAP)
    arrow(ax, one.right, (5, 1), "#123456")
    assert arrows(ax) == [("#123456", (3 + GAP, 1), (5, 1))]
    before = len(ax.patches)
    tokens(ax, 7, 2, 3, "#123456")
    filled = [to_hex(patch.get_facecolor()) for patch in ax.patches[before:]]
    assert filled == ["#123456", "#ffffff", "#ffffff"]
