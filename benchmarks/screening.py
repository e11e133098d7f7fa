"""How fast subjects are examined, inside the process, in the store of 25 million outputs of `benchmarks.following`.

One address in `TAGGED` is claimed, half of these for services, half for harm. Subjects are random addresses of that
chain: each stands for a wallet that paid and was paid dozens of times.
"""

from __future__ import annotations

import random
import resource
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import following

if TYPE_CHECKING:
    from tracer.intel.claims import Tag
    from tracer.intel.snapshot import Snapshot
    from tracer.ledger.store import Ledger
    from tracer.screening.examine import Examiner
    from tracer.screening.model import Subject

TAGGED = 2_000
SINGLES = 200
BATCHES = {1: 20_000, 3: 4_000}
"""Hops -> subjects of the batch."""
WORDS = ("exchange", "gambling", "ransomware", "sanction", "scam", "market")


def measure(bench: Path, txs: int = following.TXS) -> list[str]:
    """One row for direct exposure, one for three hops."""
    from adapters.bitcoin.chains import chain_named
    from rules import clustering
    from tracer.ledger.store import Ledger
    from tracer.screening.examine import Examiner, Settings
    from tracer.workspace import Workspace

    folder = following.store(bench, txs)
    lines = [
        f"{SINGLES} random transfers, then as many addresses, one by one, warm; then batches of {BATCHES[1]:,} and "
        f"{BATCHES[3]:,} addresses; both sides:",
        "",
        "| | one transfer: median, p95 | one address: median, p95 | batch, subjects/s | exposures | cut short | "
        "memory before, after |",
        "|---|---|---|---|---|---|---|",
    ]
    chain = chain_named(following.CHAIN)
    with Ledger.open(Workspace(folder), chain) as ledger:
        snapshot = _claims(ledger, bench / f"screening-claims-{txs}")
        for hops, many in BATCHES.items():
            examiner = Examiner(ledger, snapshot, Settings(hops=hops), rules=clustering())
            subjects = _subjects(ledger, SINGLES + many + 20)
            examiner.examine(subjects[:20])  # compiles and warms
            deposits = _one_by_one(examiner, _transfers(ledger, SINGLES))
            singles = _one_by_one(examiner, subjects[20 : 20 + SINGLES])
            before, began, found, cut = _memory(), time.perf_counter(), 0, 0
            for first in range(20 + SINGLES, len(subjects), CHUNK):
                for evidence in examiner.examine(subjects[first : first + CHUNK]):
                    found += len(evidence.exposures)
                    cut += evidence.truncated
            seconds = time.perf_counter() - began
            lines.append(
                f"| {'direct' if hops == 1 else f'{hops} hops'} | {_ms(deposits)} | {_ms(singles)} | "
                f"{many / seconds:,.0f} | {found:,} | {cut:,} | {before:.0f} MB, {_memory():.0f} MB |"
            )
    return lines


CHUNK = 10_000


def _one_by_one(examiner: Examiner, subjects: Sequence[Subject]) -> list[float]:
    """Seconds of each, ascending."""
    seconds = []
    for subject in subjects:
        began = time.perf_counter()
        examiner.examine([subject])
        seconds.append(time.perf_counter() - began)
    return sorted(seconds)


def _ms(seconds: Sequence[float]) -> str:
    """Median and 95th percentile."""
    return ", ".join(f"{1000 * seconds[int(len(seconds) * share)]:.0f} ms" for share in (0.5, 0.95))


def _memory() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _addresses(ledger: Ledger, count: int, seed: int) -> list[str]:
    most = int(ledger.db.value("SELECT max(address_id) FROM address"))
    dice = random.Random(seed)
    ids = sorted({dice.randrange(most) for _ in range(count)})
    names = ledger.render_addresses(ids)
    found = [names[number] for number in ids]
    dice.shuffle(found)
    return found


def _subjects(ledger: Ledger, count: int) -> list[Subject]:
    from tracer.screening.model import Subject

    return [Subject("address", ledger.chain.name, a, a) for a in _addresses(ledger, count, 5)]


def _transfers(ledger: Ledger, count: int) -> list[Subject]:
    """Random outputs that pay an address: a deposit each."""
    from tracer.screening.model import Subject

    dice = random.Random(6)
    most = int(ledger.db.value("SELECT count(*) FROM tx"))
    places = sorted({dice.randrange(most) for _ in range(2 * count)})
    found = ledger.db.rows(
        "WITH asked AS (SELECT tx_id, txid FROM tx WHERE rowid IN (SELECT unnest($places))) "
        "SELECT txid, min(vout) FROM asked JOIN txout USING (tx_id) WHERE address_id IS NOT NULL "
        "GROUP BY tx_id, txid ORDER BY tx_id",
        {"places": places},
    )
    texts = [(ledger.chain.hash_text(txid), vout) for txid, vout in dice.sample(found, count)]
    return [
        Subject("transfer", ledger.chain.name, f"{txid}:{vout}", txid=txid, vout=vout) for txid, vout in texts
    ]


def _claims(ledger: Ledger, folder: Path) -> Snapshot:
    from tracer.intel.reading import Reading
    from tracer.intel.snapshot import Snapshot
    from tracer.intel.store import add
    from tracer.workspace import Workspace

    if not folder.exists():
        most = int(ledger.db.value("SELECT count(*) FROM address"))
        part = folder.with_suffix(".part")
        shutil.rmtree(part, ignore_errors=True)
        tags = [
            _tag(ledger, address, number)
            for number, address in enumerate(_addresses(ledger, most // TAGGED, 9))
        ]
        add(Workspace(part).ready(), [Reading.of("tags", tags)])
        part.rename(folder)
    return Snapshot.open(Workspace(folder))


def _tag(ledger: Ledger, address: str, number: int) -> Tag:
    from tracer.intel.claims import Tag

    key, word = ledger.chain.parse_address(address), WORDS[number % len(WORDS)]
    return Tag(
        ledger.chain.name, address, key.kind, key.payload, f"{word} {number}", word, "", "", "ownership", "a list",
        "2020-01-01", True,
    )  # fmt: skip
