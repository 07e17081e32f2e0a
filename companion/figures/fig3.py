"""Figure 3 as a diagram of our own: one layer of the fusion block IRFB."""

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from companion.figures.diagram import arrow, box, canvas, note, path, tokens
from companion.figures.style import COLOURS, closed, style

# Lanes from below: the streams outside, the hub's copies inside, the hub between them.
STREAM = {"audio": 0.9, "visual": 8.3}
COPY = {"audio": 2.7, "visual": 6.5}
HUB = 4.6
LETTER = {"audio": "a", "visual": "v"}
MIX = r"""$z_b + \sum \alpha\, \hat{u}$
$\alpha = \mathrm{Softmax}(v^\top \tanh W \hat{u})$
Eq. 4"""


def draw() -> Figure:
    """Draw one layer of IRFB: modalities pass by, the hub reads them and never writes."""
    hub = COLOURS["fused"]
    with style():
        fig, ax = plt.subplots(figsize=(11.5, 5.9), layout="constrained")
        canvas(ax, 18.6, 9.6)
        bottleneck = tokens(ax, 1.5, HUB, 3, hub, cls=False)
        gate = box(ax, 7.4, HUB + 0.5, "$g_m = \\sigma(W_m\\,[c_v; c_a])$\nEq. 3", width=3.1)
        mix = box(ax, 13.6, HUB, MIX, hub, width=3.4, height=1.7)
        for m, y in STREAM.items():
            colour, sub, sign = COLOURS[m], LETTER[m], 1 if y > HUB else -1
            stream = tokens(ax, 1.5, y, 4, colour)
            block = box(ax, 13.6, y, "next block\nEq. 1", colour, width=2.2)
            arrow(ax, stream.right, block.left, colour)
            after = tokens(ax, 17.0, y, 4, colour)
            arrow(ax, block.right, after.left, colour)
            note(ax, 0.55, y, f"$z_{sub}$", colour)
            note(ax, 17.8, y, f"$z_{sub}$", colour)
            read = f"$u_{sub} = \\mathrm{{LN}}(z_b + \\mathrm{{Att}}(z_b, z_{sub}))$\nEq. 2"
            copy = box(ax, 4.4, COPY[m], read, hub, width=3.6, height=1.1)
            arrow(ax, (copy.x, y - 0.06 * sign), (copy.x, COPY[m] + 0.61 * sign), colour)
            arrow(ax, bottleneck.right, (2.9, COPY[m] - 0.61 * sign), hub)
            text = f"$\\hat{{u}}_{sub} = \\mathrm{{LN}}((1 + g_{sub}) \\odot u_{sub})$\nEq. 3"
            gated = box(ax, 9.9, COPY[m], text, hub, width=3.2, height=1.1)
            arrow(ax, copy.right, gated.left, hub)
            edge = gate.y + 0.54 * sign
            arrow(ax, (7.0, y - 0.06 * sign), (7.0, edge), colour, "--")
            note(ax, 7.15, y - 0.75 * sign, f"$c_{sub}$", colour, ha="left")
            arrow(ax, (8.3, edge), (9.2, COPY[m] - 0.61 * sign))
            arrow(ax, (11.2, COPY[m] - 0.61 * sign), (12.4, HUB + 0.91 * sign), hub)
        path(ax, [(1.73, HUB - 0.35), (9.0, HUB - 0.35), (11.84, HUB - 0.35)], hub)
        note(ax, 0.55, HUB, "$z_b$", hub)
        arrow(ax, mix.right, tokens(ax, 17.0, HUB, 3, hub, cls=False).left, hub)
        note(ax, 17.8, HUB, "$z_b$", hub)
        note(ax, 1.5, 9.35, "layer ℓ")
        note(ax, 17.0, 9.35, "layer ℓ + 1")
        note(ax, 9.2, 9.35, "No arrow leads from the hub to a modality.")
        note(ax, 2.3, 0.2, "filled: the CLS token c", ha="left")
    return closed(fig)
