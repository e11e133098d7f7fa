"""A ledger as it was when a block was the tip: what came later is hidden, and every reader works unchanged.

Facts of the chain are only ever added above, so what stands up to a height is what stood there then. Two things are
not so and cannot be told apart afterwards: blocks that were read later below the height (they fill gaps, and settle
what was open), and blocks in quarantine. Derived links are not hidden but built again, see `own_links`.
"""

from __future__ import annotations

from tracer.chain import Family, first_tx_id
from tracer.db import named_sql
from tracer.errors import ReorgedAway, UsageError
from tracer.ledger.coverage import coverage
from tracer.ledger.store import Ledger

_SQL = named_sql("tracer.ledger", "asof.sql")
_OF_FAMILY = {Family.UTXO: _SQL, Family.ACCOUNT: named_sql("tracer.ledger.accounts", "asof.sql")}
_HASH_DIGITS = 64


def height_of(ledger: Ledger, text: str) -> int:
    """The height of a block that was read, from its height or its hash as people write them.

    Raises `UsageError` for a text that is neither, and for a height that was not read; `ReorgedAway` for a hash that
    is not in the best chain.
    """
    tip = ledger.tip()
    if tip is None:
        raise UsageError(
            f"no block of {ledger.chain.name} was read.",
            hint=f"Run `tracer sync {ledger.chain.name} --source ...` first.",
        )
    text = text.strip()
    if len(text) >= _HASH_DIGITS:
        return _height_of_hash(ledger, text)
    try:
        height = int(text) if text.isascii() and text.isdigit() else -1
    except ValueError:  # more digits than Python reads
        height = -1
    if height < 0:
        raise _neither(text)
    if height > tip.height:
        raise UsageError(
            f"block {height} of {ledger.chain.name} was not read yet: the tip is {tip.height}.",
            hint=f"Give a height up to {tip.height}, or run `tracer sync {ledger.chain.name}`.",
        )
    if not ledger.db.value(_SQL["has_height"], {"height": height}):
        read = ", ".join(f"{first}-{last}" for first, last in coverage(ledger).ranges)
        raise UsageError(
            f"block {height} of {ledger.chain.name} was not read: it lies outside blocks {read}.",
            hint="Give the height of a block that was read.",
        )
    return height


def last_by(ledger: Ledger, time: int) -> int | None:
    """Height of the last block made by `time` (unix seconds), as all blocks below it were; None: none was."""
    found: int | None = ledger.db.value(_SQL["last_by"], {"time": time})
    return found


def _height_of_hash(ledger: Ledger, text: str) -> int:
    try:
        raw = ledger.chain.hash_bytes(text)
    except UsageError as error:
        raise _neither(text) from error
    found: int | None = ledger.db.value(_SQL["height_of_hash"], {"hash": raw})
    if found is None:
        raise ReorgedAway(
            f"block {text.lower()} is not in the best chain of {ledger.chain.name}: a reorganisation took it, or it "
            "was never read.",
            hint="An answer that stood on it cannot be given again; ask as of a height.",
        )
    return found


def _neither(text: str) -> UsageError:
    shown = text if len(text) <= _HASH_DIGITS + 2 else f"{text[:_HASH_DIGITS]}..."
    return UsageError(
        f"{shown!r} is neither a height nor a block hash.",
        hint="A height is a whole number, a block hash 64 hexadecimal digits.",
    )


def as_of(ledger: Ledger, height: int) -> None:
    """Hide from this open ledger, for as long as it is open, every fact above a height that was read.

    Views of the tables' own names come before the tables: `tip`, look-ups and every query see the chain as it was.
    Nothing is written to the file. At the tip nothing is done.
    """
    tip = ledger.tip()
    if tip is None or height >= tip.height:
        return
    sql = _OF_FAMILY[ledger.chain.family]
    in_order = ledger.in_order()  # of the whole store: ids were given then
    with ledger.db.staying():
        ledger.db.run(_SQL["facts"])
        ledger.db.run(_SQL["height"], {"height": height})
        ledger.db.run(_SQL["stop"], {"stop": first_tx_id(height + 1)})
        ledger.db.script(sql["hide"])
        if ledger.chain.family is Family.UTXO:
            ledger.db.script(sql["hide_told"])
        if in_order:
            ledger.db.script(sql["next_address"])
            ledger.db.script(sql["hide_addresses_in_order"])
        else:
            ledger.db.script(sql["hide_addresses_in_any_order"])


def own_links(ledger: Ledger) -> None:
    """Give this open ledger link tables of its own, empty, for a build that writes nothing to the file.

    Clusters depend on later blocks: those in the file speak of its tip. Built here by the same code, they are what
    they were. They are gone when the ledger is closed. Raises `UsageError` for a store of an older version.
    """
    sql = _OF_FAMILY[ledger.chain.family]
    if not ledger.db.value(sql["has_links"]):
        raise UsageError(
            f"{ledger.db.path} was written by an older tracer.",
            hint=f"Run `tracer cluster build {ledger.chain.name}` once.",
        )
    with ledger.db.staying():
        ledger.db.script(_SQL["show_links"])
        ledger.db.run(_SQL["facts"])
        ledger.db.script(sql["own_links"])
