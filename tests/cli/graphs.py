"""Documents to draw: a small one whose names attack every format, and one too large to draw whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.scenarios.case import Case, tag, vasp
from tests.scenarios.ledger import Tx

SCRIPT = "</script><script>document.title='taken'</script>"
QUOTES = "a\"b'c\\d<img src=x onerror=\"document.title='taken'\">]]>&amp;"
UNSEEN = "left\u202eright\u2066\x07\x1b[31m end"
"""Marks that turn text round, and controls: XML cannot even hold some of them."""

ROWS = [
    Tx("theft", outs=[("thief", 1_000_000_000)]),
    Tx("wages", outs=[("boss", 300_000_000)]),
    Tx("split", ins=["theft:0"], outs=[("hot", 600_000_000), ("thief2", 300_000_000)]),
    Tx("join", ins=["split:1", "wages:0"], outs=[("pool", 100_000_000), ("odd", 50_000_000), ("thief3", 400_000_000)]),
]  # fmt: skip


def hostile(folder: Path, **question: Any) -> dict[str, Any]:
    """Stolen coins that reach services with hostile names."""
    tags = [
        tag("hot", SCRIPT, role="hot"),
        tag("pool", QUOTES, category="market", role="pool"),
        tag("odd", UNSEEN, role="hot"),
    ]
    case = Case(folder, ROWS, tags=tags, vasps=[vasp(SCRIPT, "none"), vasp(UNSEEN, "full")])
    return case.documents("theft:0", edges=True, **question)


def fan(folder: Path, chains: int, hops: int) -> dict[str, Any]:
    """One coin split over many chains of payments, each of which loses a peel at every hop; chain 0 is the largest."""
    value = [10_000 + (chains - c) * 100 for c in range(chains)]
    rows = [
        Tx("fund", outs=[("ann", sum(value))]),
        Tx("split", ins=["fund:0"], outs=[(f"c{c}h0", units) for c, units in enumerate(value)]),
    ]
    for hop in range(hops):
        for c in range(chains):
            source = f"split:{c}" if hop == 0 else f"c{c}p{hop - 1}:1"
            left = value[c] - 10 * (hop + 1)
            rows.append(
                Tx(f"c{c}p{hop}", ins=[source], outs=[(f"c{c}peel{hop}", 10), (f"c{c}h{hop + 1}", left)])
            )
    return Case(folder, rows, clusters=False).documents("fund:0", edges=True, hops=100)
