"""Chains drawn at random for watches: a few people and two services, paying each other out of what they have."""

from __future__ import annotations

import random
from collections.abc import Sequence

from tests.scenarios.ledger import Tx

PEOPLE = ("ann", "bob", "cid", "dan", "eve")
SERVICES = ("acmehot", "zetahot")


def grown(rows: Sequence[Tx], more: int, dice: random.Random, mark: str) -> list[Tx]:
    """Rows with so many more at their end; `mark` makes their names other ones than a rival branch's."""
    found = list(rows)
    for _ in range(more):
        found.append(_next(found, dice, f"t{len(found)}{mark}"))
    return found


def _next(rows: Sequence[Tx], dice: random.Random, name: str) -> Tx:
    spent = {point for row in rows for point in row.ins}
    free = [
        (f"{row.name}:{vout}", value)
        for row in rows
        for vout, (_, value) in enumerate(row.outs)
        if f"{row.name}:{vout}" not in spent and value > 3
    ]
    if not free or dice.random() < 0.15:
        return Tx(name, outs=[(dice.choice(PEOPLE), dice.randrange(50, 500))])
    taken = dice.sample(free, min(len(free), dice.choice((1, 1, 2, 3))))
    units = sum(value for _, value in taken) - dice.randrange(0, 3)
    outs: list[tuple[str, int]] = []
    while units > 0 and len(outs) < 3:
        part = units if len(outs) == 2 or dice.random() < 0.4 else dice.randrange(1, units + 1)
        outs.append((dice.choice((*PEOPLE, *PEOPLE, *SERVICES)), part))
        units -= part
    return Tx(name, ins=[point for point, _ in taken], outs=outs)
