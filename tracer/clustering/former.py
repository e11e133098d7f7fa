"""What clusters were, kept while readers that let go of the store will come back to it (`tracer.ledger.pin`)."""

from __future__ import annotations

from tracer import turns
from tracer.clustering import state as states
from tracer.clustering.rules import Tier
from tracer.db import named_sql
from tracer.ledger.store import Ledger

_SQL = named_sql("tracer.clustering", "former.sql")


def begin(ledger: Ledger, rules: str, claims: str, *, anew: bool) -> int | None:
    """The number of a step from the clusters that are here to those of a build, None where nobody needs it.

    Call it inside the build's transaction, before anything is changed, with the digests the build is made from: readers
    stand on no clusters by other rules or claims. `anew`: all will be replaced, and `replaced` is called afterwards.
    """
    db = ledger.db
    if db.read_only:  # clusters of a reader's own
        return None
    record = states.text(ledger, Tier.CONSERVATIVE)
    found = states.current(ledger)
    if record is None or found is None or not found.made_from(rules, claims) or not turns.pinned(db.path):
        db.script(_SQL["forget"])
        return None
    step = int(db.value(_SQL["next_step"]))
    db.run(_SQL["keep_record"], {"step": step, "height": found.height, "record": record})
    if anew:
        db.run(_SQL["keep_all"])
    return step


def replaced(ledger: Ledger, step: int) -> None:
    """Keep the rows that a build from nothing changed."""
    ledger.db.run(_SQL["keep_replaced"], {"step": step})
    ledger.db.run(_SQL["drop_all"])


def changed(ledger: Ledger, step: int) -> None:
    """Keep the rows of the addresses in `found`, which were in those of `moved` or had none."""
    ledger.db.run(_SQL["keep_changed"], {"step": step})
