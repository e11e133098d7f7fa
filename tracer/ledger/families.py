"""The loader of a chain's family."""

from __future__ import annotations

from collections.abc import Callable

from tracer.chain import Family
from tracer.errors import UsageError
from tracer.ledger.accounts.batch import AccountBatch
from tracer.ledger.batch import UtxoBatch
from tracer.ledger.loading import Loaded
from tracer.ledger.store import Ledger


def load_turn(
    ledger: Ledger,
    turn: UtxoBatch | AccountBatch,
    *,
    reorg_to: int | None = None,
    at_least: int = 1,
    before_reorg: Callable[[int, int], None] | None = None,
) -> Loaded:
    """Load one turn by the loader of its family (see `BlockLoader.load`); refused where the chain is of the other."""
    family = Family.UTXO if isinstance(turn, UtxoBatch) else Family.ACCOUNT
    if family is not ledger.chain.family:
        raise UsageError(
            f"the source holds no blocks of {ledger.chain.name}: they are of another kind of chain."
        )
    # inside: the kernels of one family are not loaded for the other
    if isinstance(turn, UtxoBatch):
        from tracer.ledger.ingest import Loader

        return Loader(ledger).load([turn], reorg_to=reorg_to, at_least=at_least, before_reorg=before_reorg)
    from tracer.ledger.accounts.ingest import AccountLoader

    return AccountLoader(ledger).load([turn], reorg_to=reorg_to, at_least=at_least, before_reorg=before_reorg)
