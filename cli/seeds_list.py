"""The list of seeds that `tracer trace --seeds` reads, as bytes and as a file."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterable
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tracer.errors import StoreUnwritable

if TYPE_CHECKING:
    from tracer.ledger.store import Ledger


class Row(NamedTuple):
    """One seed; the columns that are left empty say when it counts: always."""

    chain: str
    address: str
    role: str
    valid_from: str
    valid_to: str
    source: str
    reference: str


def as_of(ledger: Ledger) -> dict[str, Any] | None:
    """The tip that an answer stands on; None where no block was read whole."""
    tip = ledger.tip()
    if tip is None:
        return None
    chain = ledger.chain
    return {
        "chain": chain.name,
        "caip2": chain.caip2,
        "height": tip.height,
        "block_hash": chain.hash_text(tip.block_hash),
    }


def as_csv(rows: Iterable[Row]) -> bytes:
    """A header and one line each, in their order; no cell is taken for a formula by a spreadsheet."""
    from adapters.intel.csvtext import escaped

    out = StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(Row._fields)
    writer.writerows([escaped(cell) for cell in row] for row in rows)
    return out.getvalue().encode()


def written(content: bytes, rows: int, out: Path | None) -> dict[str, Any]:
    """Write the list where a file is named; its name, rows and digest."""
    if out is not None:
        from tracer.intel.files import write_whole

        try:
            write_whole(out, content)
        except OSError as error:
            raise StoreUnwritable(
                f"cannot write {out}: {error.strerror}.", hint="Choose another file with --out."
            ) from error
    return {
        "name": out.name if out else None,
        "rows": rows,
        "sha256": f"sha256:{hashlib.sha256(content).hexdigest()}",
    }
