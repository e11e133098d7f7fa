"""The register as CSV that a spreadsheet can open and that comes back as the same claims."""

from __future__ import annotations

import csv
from io import StringIO
from typing import TYPE_CHECKING, Any

from adapters.intel.csvtext import escaped

if TYPE_CHECKING:
    import polars as pl


def register(rows: pl.DataFrame) -> bytes:
    """UTF-8 CSV (RFC 4180) of a frame of services (`tracer.intel.frames`), one line each, in the frame's order.

    A text that a spreadsheet would take for a formula begins with an apostrophe, which reading takes off again
    (OWASP, "CSV Injection").
    """
    names = [name for name in rows.columns if name != "claim_id"]
    out = StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(names)
    writer.writerows([_cell(value) for value in row] for row in rows.select(names).iter_rows())
    return out.getvalue().encode()


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else escaped(str(value))
