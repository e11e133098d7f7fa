"""Where everything of a picture stands: columns by time, heights and widths by amount.

Transactions stand in the column of their time step. What flows on to a place that is not in the next column runs along
in a lane of its own: lanes of what it came from above, lanes of where it went below, so that it is seen *when* money
came to a place. All lengths are in pixels of an unzoomed picture, y grows downward.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from cli.graph_merge import Band, Box, Drawn

NODE = 10.0
"""Width of a box."""
_MOST_HEIGHT = 300.0
"""Height of all money that was seeded."""
_GAP = 9.0
_NAMED = 17.0
"""Height that the name of a seed or an end takes."""
BESIDE, _TOP = 350.0, 30.0
"""Room for names at both sides, and above."""
_PITCH = (28.0, 150.0)
"""Least and most distance of two columns."""
_SWEEPS = 12
_LEAST = 1e-30
"""Nothing is drawn wider than all that was seeded, even where that is nothing."""


@dataclass
class Place:
    """Where a box stands, or a long band passes a column (`box` -1)."""

    box: int
    column: int
    height: float
    y: float = 0.0

    @property
    def middle(self) -> float:
        """Of its height."""
        return self.y + self.height / 2


@dataclass(frozen=True)
class Bend:
    """A band crosses from one x to another; y are of its middle."""

    x0: float
    y0: float
    x1: float
    y1: float

    def stout(self, thick: float) -> bool:
        """Whether a band is too thick for so short a way to be equally thick all along it; then its height is."""
        return self.y0 != self.y1 and thick > (self.x1 - self.x0) / 2


@dataclass(frozen=True)
class Layout:
    """A whole picture: `places` and `ways` stand beside the boxes and bands of what is drawn.

    ways    bends of each band, left to right; between two bends, and where y does not change, it is straight
    thick   height of each band
    xs      left edge of every column: where money comes from, the time steps, where it goes to
    """

    places: list[Place]
    ways: list[list[Bend]]
    thick: list[float]
    xs: list[float]
    width: float
    height: float


def layout(drawn: Drawn, beside: float = BESIDE) -> Layout:
    """Place what is drawn; `beside` is the room at both sides. The same input gives the same numbers."""
    boxes, bands = drawn.boxes, drawn.bands
    last = len(drawn.steps) + 1
    pitch = min(max(1100 / (last + 1), _PITCH[0]), _PITCH[1])
    scale = _MOST_HEIGHT / max(
        sum(box.weight for box in boxes if box.side < 0),
        max((box.weight for box in boxes), default=0),
        _LEAST,
    )
    places = [
        Place(number, _column(box, last), max(box.weight * scale, _NAMED if box.side else 3.0))
        for number, box in enumerate(boxes)
    ]
    laned = {
        end
        for band in bands
        for end in (band.source, band.target)
        if boxes[end].side and places[band.target].column - places[band.source].column > 1
    }
    thick = [band.weight * scale for band in bands]
    links = _Links(places, bands, thick, laned)
    links.settle(last)
    leaves = {b.source: min(places[o.target].column for o in bands if o.source == b.source) for b in bands}
    early = [p for p in places if p.box in laned and boxes[p.box].side < 0]
    top = _stack(sorted(early, key=lambda p: -leaves[p.box]), _TOP)  # what leaves last lies highest
    flowing = [p for p in links.items if p.box not in laned]
    shift = top - min((p.y for p in flowing), default=0.0)
    for place in flowing:
        place.y += shift
    low = max((p.y + p.height for p in flowing), default=top) + 2.5 * _GAP
    bottom = _stack([p for p in places if p.box in laned and boxes[p.box].side > 0], low)
    xs = [beside + pitch * column for column in range(last + 1)]
    return Layout(
        places,
        links.ways(xs),
        thick,
        xs,
        xs[-1] + NODE + beside,
        max(bottom, low) + _TOP,
    )


def _column(box: Box, last: int) -> int:
    return 0 if box.side < 0 else last if box.side > 0 else box.layer + 1


def _stack(places: Iterable[Place], y: float) -> float:
    for place in places:
        place.y = y
        y += place.height + _GAP
    return y


class _Links:
    """Bands between places, long ones by way of a place in every column they pass."""

    def __init__(
        self, places: list[Place], bands: Sequence[Band], thick: Sequence[float], laned: set[int]
    ) -> None:
        self._places, self._bands, self._thick, self._laned = places, bands, thick, laned
        self.items = list(places)
        self._via: list[list[int]] = []
        for band, width in zip(bands, thick, strict=True):
            a, b = places[band.source].column, places[band.target].column
            passing = [] if {band.source, band.target} & laned else range(a + 1, b)
            self._via.append([band.source])
            for column in passing:
                self._via[-1].append(len(self.items))
                self.items.append(Place(-1, column, max(width, 1.0)))
            self._via[-1].append(band.target)

    def settle(self, last: int) -> None:
        """Order every column and space it out: each place near what it has money from and gives money to."""
        columns: list[list[int]] = [[] for _ in range(last + 1)]
        for number, item in enumerate(self.items):
            if item.box not in self._laned:
                columns[item.column].append(number)
        before: dict[int, list[tuple[int, float]]] = {}
        after: dict[int, list[tuple[int, float]]] = {}
        for via, width in zip(self._via, self._thick, strict=True):
            for a, b in pairwise(via):
                if {self.items[a].box, self.items[b].box} & self._laned:
                    continue
                before.setdefault(b, []).append((a, width + 0.01))
                after.setdefault(a, []).append((b, width + 0.01))
        for own in columns:
            _stack([self.items[number] for number in own], 0.0)
        for sweep in range(_SWEEPS):
            near = before if sweep % 2 == 0 else after
            for own in columns if sweep % 2 == 0 else reversed(columns):
                self._settle(own, near)

    def _settle(self, own: list[int], near: dict[int, list[tuple[int, float]]]) -> None:
        items = self.items
        for number in own:
            if number in near:
                weight = sum(w for _, w in near[number])
                middle = sum(items[other].middle * w for other, w in near[number]) / weight
                items[number].y = middle - items[number].height / 2
        own.sort(key=lambda number: (items[number].middle, number))
        free, moved = float("-inf"), 0.0
        for number in own:
            item = items[number]
            moved += max(0.0, free - item.y)
            item.y = max(item.y, free)
            free = item.y + item.height + (_GAP if item.box >= 0 else _GAP / 3)
        for number in own:
            items[number].y -= moved / len(own)

    def ways(self, xs: Sequence[float]) -> list[list[Bend]]:
        """The bends of every band between its two boxes."""
        leaves = self._ports(out=True)
        enters = self._ports(out=False)
        found = []
        for number, via in enumerate(self._via):
            a, b = self._places[via[0]], self._places[via[-1]]
            y, end = leaves[number], enters[number]
            if a.box in self._laned:
                found.append([Bend(xs[b.column - 1] + NODE, y, xs[b.column], end)])
                if b.column > 1:
                    found[-1].insert(0, Bend(xs[0] + NODE, y, xs[b.column - 1] + NODE, y))
                continue
            if b.box in self._laned:
                found.append([Bend(xs[a.column] + NODE, y, xs[a.column + 1], end)])
                if b.column > a.column + 1:
                    found[-1].append(Bend(xs[a.column + 1], end, xs[b.column], end))
                continue
            way, x = [], xs[a.column] + NODE
            for item in [self.items[i] for i in via[1:-1]]:
                way.append(Bend(x, y, xs[item.column], item.middle))
                x, y = xs[item.column], item.middle
            way.append(Bend(x, y, xs[b.column], end))
            found.append(way)
        return found

    def _ports(self, *, out: bool) -> list[float]:
        """Where on its box each band leaves (or enters): middle y."""
        at: dict[int, list[int]] = {}
        for number, band in enumerate(self._bands):
            at.setdefault(band.source if out else band.target, []).append(number)
        found = [0.0] * len(self._bands)
        for box, own in at.items():
            place = self._places[box]
            if box in self._laned:  # what joins or leaves a lane first lies lowest: nothing crosses
                own.sort(key=lambda n: (-self._far(n, out).column, self._far(n, out).middle, n))
            else:
                own.sort(key=lambda n: (self._next(n, out).middle, n))
            whole = sum(self._thick[n] for n in own)
            stretch = min(1.0, place.height / whole) if whole else 1.0
            y = place.y + (place.height - whole * stretch) / 2
            for n in own:
                found[n] = y + self._thick[n] * stretch / 2
                y += self._thick[n] * stretch
        return found

    def _far(self, number: int, out: bool) -> Place:
        band = self._bands[number]
        return self._places[band.target if out else band.source]

    def _next(self, number: int, out: bool) -> Place:
        via = self._via[number]
        return self.items[via[1] if out else via[-2]]
