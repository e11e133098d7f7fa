"""Ground truth: what no investigator knows, in frames that are made when first asked for.

Chains are `evm-31337` and `evm-31338`, txids hex after 0x, addresses EIP-55 text, times seconds since 1970. `contract`
is that of the token, null for native coin. Amounts are base units as Decimal(38, 0); above 38 digits they are null, and
`units` has them as text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache, cached_property
from typing import Any

import polars as pl

from adapters.simulation.accounts.chain import Tx
from adapters.simulation.accounts.keys import text
from adapters.simulation.accounts.recorder import Recorder

UNITS = pl.Decimal(38, 0)
_TEXT, _WHOLE, _TRUE = pl.String(), pl.Int64(), pl.Boolean()
_MOST = 10**38
_address = cache(text)


def chain_name(chain_id: int) -> str:
    """Short name of one of the simulated chains."""
    return f"evm-{chain_id}"


def _who(address: bytes | None) -> str | None:
    return _address(address) if address else None


def _units(amount: int | None) -> int | None:
    return amount if amount is not None and amount < _MOST else None


def _series(name: str, kind: Any, values: tuple[Any, ...]) -> pl.Series:
    if kind != UNITS:
        return pl.Series(name, values, dtype=kind)
    return pl.Series(name, values, dtype=pl.Int128).cast(
        UNITS
    )  # decimals are not made of mixed sizes of integers


def _frame(schema: dict[str, Any], rows: Iterable[tuple[Any, ...]]) -> pl.DataFrame:
    columns = list(zip(*rows, strict=True)) or [()] * len(schema)
    return pl.DataFrame(
        [_series(name, kind, column) for (name, kind), column in zip(schema.items(), columns, strict=True)]
    )


class AccountTruth:
    """The rows of the recorder as polars frames."""

    def __init__(
        self, recorder: Recorder, times: dict[int, list[int]], cases: Callable[[], dict[str, Any]]
    ) -> None:
        self._r, self._times, self._make_cases = recorder, times, cases

    def _time(self, tx: Tx) -> int:
        return self._times[tx.chain_id][tx.height - 1]

    @cached_property
    def cases(self) -> dict[str, Any]:
        """What an investigator holds: `market_withdrawal`, `drained`, `swapped_in`."""
        return self._make_cases()

    @cached_property
    def addresses(self) -> pl.DataFrame:
        """chain, address, owner, actor_kind, role, customer: contracts too, which belong to who put them up."""
        schema = dict.fromkeys(("chain", "address", "owner", "actor_kind", "role", "customer"), _TEXT)
        kinds = self._r.kinds
        return _frame(schema, (
            (chain_name(chain_id), _who(address), owner, kinds[owner], role, customer)
            for (chain_id, address), (owner, role, customer) in self._r.owners.items()
        ))  # fmt: skip

    @cached_property
    def contracts(self) -> pl.DataFrame:
        """chain, address, name of the source it was made of (some are a few bytes written by hand)."""
        schema = dict.fromkeys(("chain", "address", "name"), _TEXT)
        rows = ((chain_name(c), _who(address), name) for (c, address), name in self._r.contracts.items())
        return _frame(schema, rows)

    @cached_property
    def tokens(self) -> pl.DataFrame:
        """chain, contract, symbol, decimals (null: none, or nonsense), genuine: not made to mislead."""
        schema = {"chain": _TEXT, "contract": _TEXT, "symbol": _TEXT, "decimals": _WHOLE, "genuine": _TRUE}
        rows = ((chain_name(c), _who(address), *said) for (c, address), said in self._r.tokens.items())
        return _frame(schema, rows)

    @cached_property
    def openings(self) -> pl.DataFrame:
        """chain, address, amount: the coin that accounts have at the end of block 0."""
        total: dict[tuple[int, bytes], int] = {}
        for chain_id, address, amount in self._r.openings:
            total[chain_id, address] = total.get((chain_id, address), 0) + amount
        schema = {"chain": _TEXT, "address": _TEXT, "amount": UNITS}
        rows = ((chain_name(c), _who(address), amount) for (c, address), amount in total.items())
        return _frame(schema, rows)

    @cached_property
    def transactions(self) -> pl.DataFrame:
        """chain, height, index, txid, sender, recipient (null: a creation), status, gas_used, gas_price, fee."""
        schema = {
            "chain": _TEXT, "height": _WHOLE, "index": _WHOLE, "txid": _TEXT, "sender": _TEXT, "recipient": _TEXT,
            "status": _WHOLE, "gas_used": _WHOLE, "gas_price": UNITS, "fee": UNITS,
        }  # fmt: skip
        return _frame(schema, (
            (chain_name(tx.chain_id), tx.height, tx.index, tx.name, _who(tx.sender.address), _who(tx.to),
             int(tx.ok), tx.gas_used, tx.price, tx.fee)
            for tx in self._r.txs
        )).sort("chain", "height", "index")  # fmt: skip

    @cached_property
    def transfers(self) -> pl.DataFrame:
        """chain, height, index, txid, kind, contract, token_id, source, target, amount, units.

        Every movement but fees, `kind` as in `tracer.chain.TransferKind`; `token_id` is hex of 32 bytes, null where
        the asset is interchangeable. The order inside a transaction is the actor's, not the execution's.
        """
        schema = {
            "chain": _TEXT, "height": _WHOLE, "index": _WHOLE, "txid": _TEXT, "kind": pl.UInt8(), "contract": _TEXT,
            "token_id": _TEXT, "source": _TEXT, "target": _TEXT, "amount": UNITS, "units": _TEXT,
        }  # fmt: skip
        return _frame(schema, (
            (chain_name(tx.chain_id), tx.height, tx.index, tx.name, int(kind), _who(asset[:20]),
             asset[20:].hex() or None, _who(source), _who(target), _units(amount), str(amount))
            for tx, kind, asset, source, target, amount in self._r.transfers
        )).sort("chain", "height", "index", maintain_order=True)  # fmt: skip

    @cached_property
    def payments(self) -> pl.DataFrame:
        """chain, height, txid, payer, payee, purpose, contract, source, target, amount, time: who paid whom and why."""
        schema = {
            "chain": _TEXT, "height": _WHOLE, "txid": _TEXT, "payer": _TEXT, "payee": _TEXT, "purpose": _TEXT,
            "contract": _TEXT, "source": _TEXT, "target": _TEXT, "amount": UNITS, "time": _WHOLE,
        }  # fmt: skip
        owner = self._r.owner_of
        return _frame(schema, (
            (chain_name(tx.chain_id), tx.height, tx.name, owner(tx.chain_id, source), owner(tx.chain_id, target),
             purpose, _who(asset), _who(source), _who(target), amount, self._time(tx))
            for tx, purpose, asset, source, target, amount in self._r.payments
        ))  # fmt: skip

    @cached_property
    def swaps(self) -> pl.DataFrame:
        """chain, height, txid, kind, owner, trader, recipient, contract_in, amount_in, contract_out, amount_out.

        kind  swap (by the router, through one pool or more), wrap, unwrap
        """
        schema = {
            "chain": _TEXT, "height": _WHOLE, "txid": _TEXT, "kind": _TEXT, "owner": _TEXT, "trader": _TEXT,
            "recipient": _TEXT, "contract_in": _TEXT, "amount_in": UNITS, "contract_out": _TEXT, "amount_out": UNITS,
        }  # fmt: skip
        return _frame(schema, (
            (chain_name(tx.chain_id), tx.height, tx.name, kind, self._r.owner_of(tx.chain_id, trader), _who(trader),
             _who(to), _who(asset_in), amount_in, _who(asset_out), amount_out)
            for tx, kind, trader, to, asset_in, amount_in, asset_out, amount_out in self._r.swaps
        ))  # fmt: skip

    @cached_property
    def mixes(self) -> pl.DataFrame:
        """deposit_txid, withdrawal_txid, mixer, denomination, owner, depositor, recipient: known here alone."""
        schema = {
            "deposit_txid": _TEXT, "withdrawal_txid": _TEXT, "mixer": _TEXT, "denomination": UNITS, "owner": _TEXT,
            "depositor": _TEXT, "recipient": _TEXT,
        }  # fmt: skip
        return _frame(schema, (
            (deposit.name, withdrawal.name, _who(mixer), denomination, owner, _who(depositor), _who(to))
            for deposit, withdrawal, mixer, denomination, owner, depositor, to in self._r.mixes
        ))  # fmt: skip

    @cached_property
    def bridges(self) -> pl.DataFrame:
        """from_chain, deposit_id, both txids, both contracts and amounts, depositor, recipient.

        `to_txid` is null where nobody filled the deposit. The other chain is the one that is not `from_chain`.
        """
        schema = {
            "from_chain": _TEXT, "deposit_id": _WHOLE, "from_txid": _TEXT, "to_txid": _TEXT, "contract_in": _TEXT,
            "amount_in": UNITS, "contract_out": _TEXT, "amount_out": UNITS, "depositor": _TEXT, "recipient": _TEXT,
        }  # fmt: skip
        return _frame(schema, (
            (chain_name(tx.chain_id), number, tx.name, filled.name if filled else None, _who(asset_in), amount_in,
             _who(asset_out), amount_out, _who(depositor), _who(recipient))
            for tx, filled, number, asset_in, amount_in, asset_out, amount_out, depositor, recipient in self._r.bridged
        ))  # fmt: skip

    @cached_property
    def crossings(self) -> pl.DataFrame:
        """chain, height, txid, side (in, out), memo, contract, account, amount: what the swap network took and paid."""
        schema = {
            "chain": _TEXT, "height": _WHOLE, "txid": _TEXT, "side": _TEXT, "memo": _TEXT, "contract": _TEXT,
            "account": _TEXT, "amount": UNITS,
        }  # fmt: skip
        return _frame(schema, (
            (chain_name(tx.chain_id), tx.height, tx.name, side, memo, _who(asset), _who(account), amount)
            for tx, side, memo, asset, account, amount in self._r.crossings
        ))  # fmt: skip

    @cached_property
    def sources(self) -> pl.DataFrame:
        """case, owner, chain, height, txid, address, contract, amount, way: what owners of a case were paid.

        One row per payment to a fresh account of its own: `txid@address` is the seed. `way` is how it is cashed out.
        """
        schema = {
            "case": _TEXT, "owner": _TEXT, "chain": _TEXT, "height": _WHOLE, "txid": _TEXT, "address": _TEXT,
            "contract": _TEXT, "amount": UNITS, "way": _TEXT,
        }  # fmt: skip
        return _frame(schema, (
            (case, owner, chain_name(tx.chain_id), tx.height, tx.name, _who(address), _who(asset), amount, way)
            for case, owner, tx, address, asset, amount, way in self._r.sources
        ))  # fmt: skip

    @cached_property
    def exits(self) -> pl.DataFrame:
        """case, owner, vasp_id, chain, height, txid, address, contract, amount, way, mixed, source_*, time.

        One row per deposit of a case's money at an exchange: in its asset it holds money of that case and no other.
        `source_txid` and `source_address` name the row of `sources` that it comes from, on the first chain; `mixed`
        says that it went through a mixer.
        """
        schema = {
            "case": _TEXT, "owner": _TEXT, "vasp_id": _TEXT, "chain": _TEXT, "height": _WHOLE, "txid": _TEXT,
            "address": _TEXT, "contract": _TEXT, "amount": UNITS, "way": _TEXT, "mixed": _TRUE, "source_txid": _TEXT,
            "source_address": _TEXT, "time": _WHOLE,
        }  # fmt: skip
        return _frame(schema, (
            (case, owner, vasp, chain_name(tx.chain_id), tx.height, tx.name, _who(address), _who(asset), amount, way,
             mixed, source.name, _who(origin), self._time(tx))
            for case, owner, vasp, tx, address, asset, amount, way, mixed, source, origin in self._r.exits
        ))  # fmt: skip

    @cached_property
    def orders(self) -> pl.DataFrame:
        """order_id, buyer, vendor, address, contract, amount, txid, time: what was bought at the market."""
        schema = {
            "order_id": _TEXT, "buyer": _TEXT, "vendor": _TEXT, "address": _TEXT, "contract": _TEXT, "amount": UNITS,
            "txid": _TEXT, "time": _WHOLE,
        }  # fmt: skip
        return _frame(schema, (
            (order, buyer, vendor, _who(address), _who(asset), amount, tx.name, self._time(tx))
            for order, buyer, vendor, address, asset, amount, tx in self._r.orders
        ))  # fmt: skip

    @cached_property
    def links(self) -> pl.DataFrame:
        """a, b, same_owner, reason: pairs that a heuristic may meet. False ones must not be linked."""
        schema = {"a": _TEXT, "b": _TEXT, "same_owner": _TRUE, "reason": _TEXT}
        return _frame(schema, ((_who(a), _who(b), same, reason) for a, b, same, reason in self._r.links))

    @cached_property
    def specials(self) -> dict[str, tuple[str, str]]:
        """Chain and txid of each rare thing, by its name."""
        return {name: (chain_name(tx.chain_id), tx.name) for name, tx in self._r.specials.items()}
