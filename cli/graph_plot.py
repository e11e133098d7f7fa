"""A picture as a bokeh plot: bands, boxes and names, with what is shown when they are pointed at."""

from __future__ import annotations

from collections.abc import Sequence
from math import hypot
from typing import TYPE_CHECKING, Any

from cli.graph_layout import NODE, Bend, Layout
from cli.graph_merge import Drawn
from cli.graph_style import AXIS, STYLES, band_style, label, name, rank, style
from cli.trace_answer import many

if TYPE_CHECKING:
    from bokeh.models.renderers import GlyphRenderer
    from bokeh.plotting import figure

_POINTS = 18
"""Corners along one edge of a bend."""
_THIN = 1.2
"""Height below which a band is also given a line, so that it can be seen."""


def plotted(what: Drawn, where: Layout) -> figure:
    """The bokeh model; its sources `bands`, `boxes` and `names` are found by name in `graph_page.js`.

    Axes are in pixels of the unzoomed picture; the dates of the time steps stand on top.
    """
    from bokeh.models import FixedTicker, HoverTool, NoOverlap, Range1d, TapTool
    from bokeh.plotting import figure

    plot = figure(
        x_range=Range1d(start=0, end=round(where.width, 2)),
        y_range=Range1d(start=round(where.height, 2), end=0),
        tools="pan,wheel_zoom,box_zoom,zoom_in,zoom_out,reset,save",
        active_scroll="wheel_zoom",
        x_axis_location="above",
        sizing_mode="stretch_both",
        outline_line_color=None,
        lod_threshold=None,
    )
    plot.toolbar.logo = None
    plot.yaxis.visible = False
    plot.ygrid.visible = False
    ticks = [round(x + NODE / 2, 2) for x in where.xs[1:-1]]
    plot.xaxis.ticker = plot.xgrid.ticker = FixedTicker(ticks=ticks)
    plot.xaxis.major_label_overrides = dict(zip(ticks, (day for day, _ in what.steps), strict=True))
    plot.xaxis.major_label_policy = NoOverlap(min_distance=8)
    plot.xaxis.axis_label = AXIS
    seen: list[Any] = [_bands(plot, what, where), _boxes(plot, what, where)]
    _names(plot, what, where)
    tip = '<div style="max-width:34em;overflow-wrap:anywhere"><b>@title</b><br>@more</div>'
    plot.add_tools(HoverTool(renderers=seen, tooltips=tip, point_policy="follow_mouse"))
    plot.add_tools(TapTool(renderers=seen))
    return plot


def _bands(plot: figure, what: Drawn, where: Layout) -> GlyphRenderer[Any]:
    """Thick bands first, so that thin ones can be pointed at."""
    import numpy as np
    from bokeh.models import ColumnDataSource

    order = sorted(range(len(what.bands)), key=lambda n: (-where.thick[n], n))
    corners = [_corners(where.ways[n], where.thick[n]) for n in order]
    bands = [what.bands[n] for n in order]
    source = ColumnDataSource(
        name="bands",
        data={
            "xs": [np.array(xs, np.float32) for xs, _ in corners],
            "ys": [np.array(ys, np.float32) for _, ys in corners],
            "colour": [STYLES[band_style(what, band)][1] for band in bands],
            "line": [0.0 if where.thick[n] > _THIN else 0.7 for n in order],
            "place": order,
            "title": [f"{name(what.boxes[band.source])} → {name(what.boxes[band.target])}" for band in bands],
            "more": [f"{band.text}, {many(len(band.rows), 'movement')}" for band in bands],
        },
    )
    return plot.patches(
        "xs", "ys", source=source, fill_color="colour", line_color="colour", line_width="line",
        fill_alpha=0.38, line_alpha=0.38, selection_fill_alpha=0.85, selection_line_alpha=0.9,
        nonselection_fill_alpha=0.12, nonselection_line_alpha=0.12, hover_fill_alpha=0.7, hover_line_alpha=0.9,
    )  # fmt: skip


def _boxes(plot: figure, what: Drawn, where: Layout) -> GlyphRenderer[Any]:
    """Boxes, to be added after bands: they lie above them."""
    from bokeh.models import ColumnDataSource

    lefts = [round(where.xs[place.column], 2) for place in where.places]
    source = ColumnDataSource(
        name="boxes",
        data={
            "left": lefts,
            "right": [x + NODE for x in lefts],
            "top": [round(place.y, 2) for place in where.places],
            "bottom": [round(place.y + place.height, 2) for place in where.places],
            "colour": [STYLES[style(box)][1] for box in what.boxes],
            "title": [name(box) for box in what.boxes],
            "more": [box.text for box in what.boxes],
        },
    )
    return plot.quad(
        left="left", right="right", top="top", bottom="bottom", source=source,
        fill_color="colour", line_color="colour", selection_line_color="#000000", nonselection_fill_alpha=0.35,
        nonselection_line_alpha=0.35, hover_line_color="#000000",
    )  # fmt: skip


def _names(plot: figure, what: Drawn, where: Layout) -> None:
    """Names of all boxes; `shown` is filled by the page with those that have room, in the order of `rank`."""
    from bokeh.models import ColumnDataSource, Text

    placed = list(zip(what.boxes, where.places, strict=True))
    source = ColumnDataSource(
        name="names",
        data={
            "x": [round(where.xs[p.column] + (NODE if box.side > 0 else 0), 2) for box, p in placed],
            "y": [round(p.middle if box.side else p.y, 2) for box, p in placed],
            "right": [5 * box.side for box in what.boxes],
            "down": [0 if box.side else -2 for box in what.boxes],
            "align": ["right" if box.side < 0 else "left" for box in what.boxes],
            "line": ["middle" if box.side else "bottom" for box in what.boxes],
            "size": ["11px" if box.side else "10px" for box in what.boxes],
            "text": [label(box, narrow=True) for box in what.boxes],
            "rank": _ranks(what),
            "shown": [""] * len(what.boxes),
        },
    )
    glyph = Text(
        x="x", y="y", x_offset="right", y_offset="down", text="shown", text_align="align",
        text_baseline="line", text_font_size="size", text_color="#111111",
        background_fill_color="#ffffff", background_fill_alpha=0.72,
    )  # fmt: skip
    plot.add_glyph(source, glyph)


def _ranks(what: Drawn) -> list[int]:
    """The place of each name in their order."""
    boxes = what.boxes
    order = sorted(range(len(boxes)), key=lambda n: (rank(boxes[n]), n))
    ranks = [0] * len(boxes)
    for place, number in enumerate(order):
        ranks[number] = place
    return ranks


def _corners(way: Sequence[Bend], thick: float) -> tuple[list[float], list[float]]:
    """The outline of a band: out beside its middle on one side, back on the other."""
    middle: list[tuple[float, float, float, float]] = []
    for bend in way:
        steps, wide, high = _POINTS if bend.y0 != bend.y1 else 1, bend.x1 - bend.x0, bend.y1 - bend.y0
        for step in range(steps + 1):
            part = step / steps
            x = bend.x0 + wide * (1.5 * part * (1 - part) + part**3)  # the curve that the SVG writes
            y = bend.y0 + high * part * part * (3 - 2 * part)
            dx, dy = wide * (1.5 - 3 * part + 3 * part * part), high * 6 * part * (1 - part)
            length = hypot(dx, dy)
            if bend.stout(thick) or not length:
                dx, dy, length = 1.0, 0.0, 1.0
            middle.append((x, y, -dy / length * thick / 2, dx / length * thick / 2))
    return (
        [x - dx for x, _, dx, _ in middle] + [x + dx for x, _, dx, _ in reversed(middle)],
        [y - dy for _, y, _, dy in middle] + [y + dy for _, y, _, dy in reversed(middle)],
    )
