"""Boxes and arrows: what our diagrams are made of, in one look."""

from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch, Rectangle

INK = "0.25"
SMALL = 9.5
# Space between a box and the arrows at it, in the diagram's units.
GAP = 0.06


@dataclass(frozen=True)
class Box:
    """A drawn box: its centre and size, and the middles of its sides, where arrows end."""

    x: float
    y: float
    width: float
    height: float

    @property
    def left(self) -> tuple[float, float]:
        """Where an arrow at the left side ends."""
        return self.x - self.width / 2 - GAP, self.y

    @property
    def right(self) -> tuple[float, float]:
        """Where an arrow at the right side ends."""
        return self.x + self.width / 2 + GAP, self.y

    @property
    def top(self) -> tuple[float, float]:
        """Where an arrow at the upper side ends."""
        return self.x, self.y + self.height / 2 + GAP

    @property
    def bottom(self) -> tuple[float, float]:
        """Where an arrow at the lower side ends."""
        return self.x, self.y - self.height / 2 - GAP


def canvas(ax: Axes, width: float, height: float, title: str = "") -> None:
    """Make an axes a sheet of this size, in units of which a box is one high."""
    ax.set(xlim=(0, width), ylim=(0, height), aspect="equal", title=title)
    ax.axis("off")


def box(
    ax: Axes, x: float, y: float, text: str, colour: str = INK, width=1.9, height=0.95, fill="white"
) -> Box:
    """Draw a rounded box around a text and return where it is."""
    corner = (x - width / 2, y - height / 2)
    look = {"boxstyle": "round,pad=0,rounding_size=0.12", "ec": colour, "fc": fill, "lw": 1.3}
    ax.add_patch(FancyBboxPatch(corner, width, height, **look))
    ax.text(x, y, text, ha="center", va="center", fontsize=SMALL)
    return Box(x, y, width, height)


def tokens(ax: Axes, x: float, y: float, count: int, colour: str, cls: bool = True) -> Box:
    """Draw a sequence as a column of squares; the first one, filled, is the CLS token."""
    side = 0.34
    for i in range(count):
        place = (x - side / 2, y + (count / 2 - 1 - i) * side)
        filled = colour if cls and i == 0 else "white"
        ax.add_patch(Rectangle(place, side, side, ec=colour, fc=filled, lw=1.1))
    return Box(x, y, side, count * side)


def arrow(ax: Axes, start, end, colour: str = INK, dash: str = "-", bend: float = 0.0) -> None:
    """Draw an arrow between two places; `bend` is how far it bows, relative to its length."""
    look = {"arrowstyle": "-|>", "color": colour, "lw": 1.3, "ls": dash, "shrinkA": 0, "shrinkB": 0}
    ax.annotate("", end, start, arrowprops=look | {"connectionstyle": f"arc3,rad={bend}"})


def path(ax: Axes, places, colour: str = INK, dash: str = "-") -> None:
    """Draw straight lines from place to place, with a head at the last one."""
    *before, last = places
    ax.plot(*zip(*before, strict=True), color=colour, lw=1.3, ls=dash, solid_capstyle="butt")
    arrow(ax, before[-1], last, colour, dash)


def note(ax: Axes, x: float, y: float, text: str, colour: str = "0.35", **look) -> None:
    """Write a text that belongs to no box."""
    ax.text(x, y, text, color=colour, fontsize=SMALL, **{"ha": "center", "va": "center"} | look)
