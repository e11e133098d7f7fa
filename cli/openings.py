"""After a pull, a node is asked what blocks do not say: opening balances, and what tokens call themselves."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cli import compose

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa

    from adapters.evm.source import EvmSource
    from adapters.evm.state import State
    from cli.app import App
    from tracer.ledger.batch import BlockSource
    from tracer.ledger.store import Ledger

_BALANCES, _TOKENS = 5_000, 500
"""Answers that are kept at once (P): what was asked for is lost by a kill, and a store is held for moments only."""
_FITS = 10**38


@dataclass
class Asked:
    """What was asked for and kept, and what could not be."""

    openings: int = 0
    tokens: int = 0
    silent: int = 0
    notes: list[str] = field(default_factory=list)


def after_pull(app: App, chain_name: str, source: BlockSource[Any], *, openings: bool = True) -> Asked:
    """Ask a node what the blocks read leave open; nothing of sources that are no nodes of accounts.

    Asks only what was not told before, so that it resumes and is soon done where nothing is new. Where the node lacks
    the state, or changes its branch meanwhile, nothing is invented: a note says so. Raises `SourceUnavailable`.
    """
    from adapters.evm.source import EvmSource
    from adapters.evm.state import State

    asked = Asked()
    if not isinstance(source, EvmSource):
        return asked
    state = State(source.rpc)
    with app.workspace.turn(chain_name):
        _tokens(app, source, state, asked)
        if openings:
            _openings(app, source, state, asked)
    if asked.silent:
        asked.notes.append(
            f"{asked.silent:,} opening balances are not known: contracts do not tell them, or in too many digits"
        )
    return asked


def _tokens(app: App, source: EvmSource, state: State, asked: Asked) -> None:
    from adapters.evm.tokens import Wanted, read_tokens
    from tracer.ledger.accounts.ingest import AccountLoader
    from tracer.ledger.accounts.untold import untold_tokens

    name = source.chain.name
    while True:
        with compose.open_ledger(app, name) as ledger:
            rows, tip = untold_tokens(ledger, limit=_TOKENS), ledger.tip()
        if tip is None or not rows.height:
            return
        read = read_tokens(state, source.chain, [Wanted(*row) for row in rows.iter_rows()], tip.height)
        if read is None:
            asked.notes.append(
                f"{state.rpc.host} has no state of block {tip.height}: tokens were not asked who they are"
            )
            return
        if not _same(state, tip.height, tip.block_hash, asked):
            return
        with _writable(app, name) as ledger:
            AccountLoader(ledger).tokens(read)
        asked.tokens += read.num_rows


def _openings(app: App, source: EvmSource, state: State, asked: Asked) -> None:
    from tracer.ledger.accounts.untold import untold_balances

    above = -1
    while True:
        with compose.open_ledger(app, source.chain.name) as ledger:
            rows, tip = untold_balances(ledger, above=above), ledger.tip()
        if tip is None or not rows.height:
            return
        height, block_hash = int(rows["height"][0]), rows["hash"][0]
        rows = rows.filter(height=height)
        oldest = state.oldest(height, tip.height)
        if oldest == height:
            with app.progress(f"balances at the end of block {height}") as advance:
                for at in range(0, rows.height, _BALANCES):
                    part = _told(state, rows[at : at + _BALANCES], height, asked)
                    if not _same(state, height, block_hash, asked):
                        return
                    _load(app, source.chain.name, part)
                    asked.openings += part.num_rows
                    advance(at + part.num_rows, rows.height)
        else:
            has = "of no block that was read" if oldest is None else f"from block {oldest} on only"
            asked.notes.append(
                f"{state.rpc.host} has states {has}: what {rows.height:,} balances were at the end of block {height} "
                "is not known"
            )
            above = height


def _told(state: State, rows: pl.DataFrame, height: int, asked: Asked) -> pa.Table:
    """`schemas()["openings"]` of these rows; an amount of more digits, or that a contract does not say, is null."""
    import pyarrow as pa

    from adapters.evm.state import Holding
    from tracer.ledger.accounts.batch import schemas

    queues = rows.select("address", "standard", "contract", "token_id")
    told = state.balances([Holding(*row) for row in queues.iter_rows()], height)
    units = [amount if amount is not None and amount < _FITS else None for amount in told]
    if missing := units.count(None):
        asked.notes.append(
            f"{missing:,} balances at the end of block {height} were not told by their contracts"
        )
    schema = schemas()["openings"]
    return pa.Table.from_arrays(
        [
            pa.array([height] * rows.height, schema.field("height").type),
            *(pa.array(queues[word].to_list(), schema.field(word).type) for word in queues.columns),
            pa.array(units, schema.field("amount").type),
        ],
        schema=schema,
    )


def _load(app: App, name: str, part: pa.Table) -> None:
    from tracer.ledger.accounts.ingest import AccountLoader

    with _writable(app, name) as ledger:
        AccountLoader(ledger).openings(part)


def _writable(app: App, name: str) -> Ledger:
    return compose.open_ledger(app, name, read_only=False)


def _same(state: State, height: int, block_hash: bytes, asked: Asked) -> bool:
    """Whether the node still has the block that was read: else what it told is of another branch."""
    if state.hashes([height]) == [block_hash]:
        return True
    asked.notes.append(
        f"{state.rpc.host} changed its branch: what blocks do not say is asked by the next sync"
    )
    return False
