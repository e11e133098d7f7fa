"""What one transaction does to units, in plain Python: the part of the oracle that knows the methods.

Written from heuristics.md section C, not from the engine, and imports nothing of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

Outpoint = tuple[str, int]
Segment = tuple[int, Outpoint | None]
"""A run of units and the outpoint where they entered the trace; None where they are clean."""
Key = tuple[bool, bytes, int, int]
"""Orders the outputs of a transaction where there is a tie; a fee comes last."""


def pass_units(
    method: str, inputs: Sequence[list[Segment]], values: Sequence[int], keys: Sequence[Key]
) -> list[list[Segment]]:
    """Put what the inputs bring into places of these values; -> the segments of each."""
    stream = [segment for segments in inputs for segment in segments if segment[0]]
    tainted = [segment for segment in stream if segment[1]]
    order = list(range(len(values)))
    if method in ("fifo", "lifo"):
        return fill(stream if method == "fifo" else stream[::-1], values, order)
    if method == "tiho":
        order.sort(key=lambda i: (keys[i][0], -values[i], keys[i]))
        return fill(tainted + [segment for segment in stream if not segment[1]], values, order)
    label = tainted[0][1]  # whose a part is, these methods do not say
    if method == "poison":
        return [[(value, label)] for value in values]
    parts = hamilton(sum(units for units, _ in tainted), values, keys)
    return [[(part, label), (value - part, None)] for part, value in zip(parts, values, strict=True)]


def fill(stream: Sequence[Segment], values: Sequence[int], order: Sequence[int]) -> list[list[Segment]]:
    """Fill places of these values, in this order, with the units of the stream."""
    queue = list(stream)
    filled: list[list[Segment]] = [[] for _ in values]
    for place in order:
        room = values[place]
        while room:
            units, label = queue.pop(0)
            piece = min(units, room)
            filled[place].append((piece, label))
            room -= piece
            if units > piece:
                queue.insert(0, (units - piece, label))
    assert not queue, "what goes in comes out"
    return filled


def hamilton(total: int, weights: Sequence[int], keys: Sequence[Key]) -> list[int]:
    """Largest remainder; ties to the lower key."""
    exact = [Fraction(total * weight, sum(weights)) for weight in weights]
    parts = [int(share) for share in exact]
    order = sorted(range(len(weights)), key=lambda i: (parts[i] - exact[i], keys[i]))
    for i in order[: total - sum(parts)]:
        parts[i] += 1
    return parts


def spread_units(units: int, rooms: Sequence[int], keys: Sequence[Key]) -> list[int]:
    """As much of these units as there is room for, in proportion to it."""
    return hamilton(min(units, sum(rooms)), rooms, keys) if sum(rooms) else [0] * len(rooms)


def mark_units(segments: Sequence[Segment], units: int, label: Outpoint) -> list[Segment]:
    """Taint the first `units` clean units."""
    marked: list[Segment] = []
    for length, known in segments:
        fresh = 0 if known else min(units, length)
        units -= fresh
        marked += [(length, known)] if known else [(fresh, label), (length - fresh, None)]
    return [segment for segment in marked if segment[0]]
