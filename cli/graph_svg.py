"""A picture as SVG: no script, nothing fetched, drawn under one method."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

from cli.graph_coins import Coins, plain
from cli.graph_layout import BESIDE, NODE, Bend, Layout, Place, layout
from cli.graph_merge import Box, Drawn, drawn
from cli.graph_style import AXIS, STYLES, band_style, beyond, heading, label, name, present, rank, style
from cli.trace_answer import Answer
from cli.trace_words import says_not

_LETTER = 6.4
"""Width of a letter of 11 pixels, about."""
_LINE = 16


def svg(document: Mapping[str, Any]) -> str:
    """The first method of a document, drawn."""
    answer = Answer(document)
    doc = answer.main
    coins = Coins.of_document(answer, doc)
    what = drawn(doc["graph"], coins)
    where = layout(what, _beside(what) if coins.named else BESIDE)
    notes = [*what.notes, *beyond(doc)]
    if len(answer.methods) > 1:
        notes.insert(
            0, f"Drawn under {doc['method']} alone; the trace was also made under {_others(answer)}."
        )
    width = max(where.width, 980)
    margin = 24 if coins.named else 12  # addresses have more wide letters
    title, *rest = heading(answer, doc)
    head = [title, *(part for line in rest for part in _wrapped(line, int(width / _LETTER) - margin))]
    foot = [*notes, *(f"It does not say: {line}" for line in says_not(document))]
    top = _LINE * (len(head) + 1) + 26
    foot = [part for line in foot for part in _wrapped(line, int(width / _LETTER) - 6)]
    height = top + where.height + _LINE * (len(foot) + 1)
    body = [
        *_legend(what, top - 22),
        f'<g transform="translate(0 {top})">',
        *_picture(what, where),
        "</g>",
    ]
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_n(width)} {_n(height)}" '
        f'width="{_n(width)}" height="{_n(height)}" font-family="Helvetica, Arial, sans-serif" font-size="11">',
        f"<title>{escape(head[1] if doc['tlp'] else head[0])}</title>",
        '<rect width="100%" height="100%" fill="#ffffff"/>',
        *_texts(head, 18, 12, bold=2 if doc["tlp"] else 1),
        *body,
        *_texts(foot, top + where.height + 8, 11),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _others(answer: Answer) -> str:
    return " and ".join(answer.methods[1:])


def _beside(what: Drawn) -> float:
    """Room for the longest name at the sides: amounts of tokens have many digits."""
    return max(BESIDE, *(len(label(box)) * _LETTER + 24 for box in what.boxes if box.side))


def _wrapped(text: str, most: int) -> list[str]:
    from textwrap import wrap

    return wrap(plain(text), most) or [""]


def _texts(lines: Sequence[str], y: float, size: int, bold: int = 0) -> Iterator[str]:
    for number, line in enumerate(lines):
        weight = ' font-weight="bold"' if number < bold else ""
        yield f'<text x="16" y="{_n(y + number * _LINE)}" font-size="{size}"{weight}>{escape(line)}</text>'


def _legend(what: Drawn, y: float) -> Iterator[str]:
    x = 16.0
    seen = present(what)
    for key, (text, colour) in STYLES.items():
        if key in seen:
            yield f'<rect x="{_n(x)}" y="{_n(y)}" width="10" height="10" fill="{colour}"/>'
            yield f'<text x="{_n(x + 14)}" y="{_n(y + 9)}" fill="#333">{escape(text)}</text>'
            x += 32 + len(text) * _LETTER


def _picture(what: Drawn, where: Layout) -> Iterator[str]:
    yield from _axis(what, where)
    for band, way, thick in sorted(
        zip(what.bands, where.ways, where.thick, strict=True), key=lambda item: (-item[2], item[0].rows)
    ):
        source, target = what.boxes[band.source], what.boxes[band.target]
        colour = STYLES[band_style(what, band)][1]
        told = f"{band.text}: {name(source)} to {name(target)}"
        if any(bend.stout(thick) for bend in way):
            back = [Bend(b.x1, b.y1 + thick / 2, b.x0, b.y0 + thick / 2) for b in reversed(way)]
            there = [Bend(b.x0, b.y0 - thick / 2, b.x1, b.y1 - thick / 2) for b in way]
            drawn_as = f'd="{_path([*there, *back])}Z" fill="{colour}" fill-opacity="0.38"'
        else:
            wide = f'stroke-opacity="0.38" stroke-width="{_n(max(thick, 0.7))}"'
            drawn_as = f'd="{_path(way)}" fill="none" stroke="{colour}" {wide}'
        yield f"<path {drawn_as}><title>{escape(told)}</title></path>"
    for box, place, x in _placed(what, where):
        told = f"{name(box)}: {box.text}"
        yield (
            f'<rect x="{_n(x)}" y="{_n(place.y)}" width="{_n(NODE)}" height="{_n(place.height)}" '
            f'fill="{STYLES[style(box)][1]}"><title>{escape(told)}</title></rect>'
        )
    yield from _labels(what, where)


def _placed(what: Drawn, where: Layout) -> Iterator[tuple[Box, Place, float]]:
    for box, place in zip(what.boxes, where.places, strict=True):
        yield box, place, where.xs[place.column]


def _labels(what: Drawn, where: Layout) -> Iterator[str]:
    """Names of all seeds and ends; of transactions the largest, as far as they do not cover one another."""
    taken: list[tuple[float, float, float]] = []
    for box, place, x in sorted(_placed(what, where), key=lambda item: rank(item[0])):
        text = label(box)
        if box.side:
            at, anchor = (x - 6, "end") if box.side < 0 else (x + NODE + 6, "start")
            yield _label(at, place.middle + 4, anchor, text, 11)
            continue
        left, right = x - 2, x + len(text) * 5.2
        below = [place.y + place.height + 9] if box.coin.asset_id else []
        for y in (place.y - 3, *below):
            if all(right < a or left > b or abs(y - other) > 11 for a, b, other in taken):
                taken.append((left, right, y))
                yield _label(x, y, "start", text, 9)
                break


def _label(x: float, y: float, anchor: str, text: str, size: int) -> str:
    return (
        f'<text x="{_n(x)}" y="{_n(y)}" text-anchor="{anchor}" font-size="{size}" fill="#111" stroke="#fff" '
        f'stroke-width="3" stroke-opacity="0.8" paint-order="stroke">{escape(text)}</text>'
    )


def _axis(what: Drawn, where: Layout) -> Iterator[str]:
    free = 0.0
    yield f'<text x="16" y="9" fill="#555" font-size="10">{AXIS}</text>'
    for x, (first, _) in zip((x + NODE / 2 for x in where.xs[1:-1]), what.steps, strict=True):
        yield f'<path d="M{_n(x)} 14V{_n(where.height - 10)}" stroke="#e6e8eb"/>'
        if x - 32 >= free:
            yield f'<text x="{_n(x)}" y="9" text-anchor="middle" fill="#555" font-size="10">{first}</text>'
            free = x + 36


def _path(way: Sequence[Bend]) -> str:
    start = way[0]
    parts = [f"M{_n(start.x0)} {_n(start.y0)}"]
    for bend in way:
        half = (bend.x0 + bend.x1) / 2
        points = ((half, bend.y0), (half, bend.y1), (bend.x1, bend.y1))
        curve = " ".join(f"{_n(x)} {_n(y)}" for x, y in points)
        parts.append(f"L{_n(bend.x0)} {_n(bend.y0)}C{curve}")
    return "".join(parts)


def _n(number: float) -> str:
    """A length with at most two decimals, the same everywhere."""
    return f"{number:.2f}".rstrip("0").rstrip(".")
