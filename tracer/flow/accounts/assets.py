"""The assets of an answer: what they are called, which are believed, and in which order they are shown.

A symbol is text of the contract and may lie, so every amount carries `asset_id` too, which cannot: the chain, the
standard, the contract (after CAIP-19). The native coin comes first, then believed assets by contract, then the others.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tracer.chain import AssetStandard
from tracer.db import named_sql
from tracer.errors import BadAddress, UsageError
from tracer.flow.worth import Coin, Worth
from tracer.intel.prices import Prices
from tracer.ledger.store import Ledger

if TYPE_CHECKING:
    import polars as pl

_SQL = named_sql("tracer.flow.accounts", "assets.sql")

NATIVE = 0
"""Id of the chain's coin in every ledger."""

_SHOWN = 32
"""A symbol is cut after so many letters (P); the contract stands beside it."""


@dataclass(frozen=True)
class Asset:
    """One asset. `problem`: why it is not believed; "" where it is."""

    asset_id: int
    coin: Coin
    problem: str


class Assets:
    """The assets of one question, numbered in the order in which they are shown."""

    def __init__(self, ledger: Ledger, asset_ids: Iterable[int]) -> None:
        import polars as pl

        wanted = pl.DataFrame({"asset_id": sorted({NATIVE, *asset_ids})}, schema={"asset_id": pl.Int32})
        with ledger.db.table("wanted", wanted):
            rows = ledger.db.rows(_SQL["assets"])
        contracts = ledger.render_addresses(row[2] for row in rows if row[2] is not None)
        found = [_asset(ledger, row, contracts.get(row[2], "")) for row in rows]
        self.shown = sorted(found, key=lambda a: (a.asset_id != NATIVE, a.problem != "", a.coin.asset_id))
        self._numbers = {asset.asset_id: number for number, asset in enumerate(self.shown)}

    def number(self, asset_id: int) -> int:
        """Its number in here."""
        return self._numbers[asset_id]

    def numbers(self) -> pl.DataFrame:
        """asset_id, number (int64)."""
        import polars as pl

        return pl.DataFrame(
            {"asset_id": list(self._numbers), "number": list(self._numbers.values())},
            schema={"asset_id": pl.Int32, "number": pl.Int64},
        )

    def worths(self, ledger: Ledger, prices: Prices) -> list[Worth]:
        """How amounts of each are written, by number."""
        return [Worth(ledger.chain, prices, asset.coin) for asset in self.shown]


def _asset(ledger: Ledger, row: tuple[Any, ...], contract: str) -> Asset:
    """One row of `assets`."""
    chain = ledger.chain
    asset_id, standard, _, raw, symbol, decimals, problem = row
    if standard == AssetStandard.NATIVE:
        coin = Coin(chain.asset, chain.decimals, chain.price_asset, f"{chain.caip2}/native")
        return Asset(asset_id, coin, "")
    number = None if raw is None else str(int.from_bytes(raw, "big"))
    namespace = _NAMESPACES[chain.caip2.startswith("eip155:")][AssetStandard(standard)]
    told = "".join(c for c in str(symbol or "") if c.isprintable()).strip()[:_SHOWN]
    wrong = str(problem) or _borrowed(told, chain.asset)
    name = told if told and not wrong else contract or number or ""
    if number is not None and contract:
        name = f"{name} #{number}"
    named = "/".join(part for part in (contract, number) if part)
    digits = 0 if standard in (AssetStandard.UNIQUE, AssetStandard.MULTI) else decimals
    return Asset(asset_id, Coin(name, digits, None, f"{chain.caip2}/{namespace}:{named}"), wrong)


_NAMESPACES = {
    True: {
        AssetStandard.FUNGIBLE: "erc20", AssetStandard.UNIQUE: "erc721", AssetStandard.MULTI: "erc1155",
        AssetStandard.TRC10: "trc10",
    },
    False: {
        AssetStandard.FUNGIBLE: "trc20", AssetStandard.UNIQUE: "trc721", AssetStandard.MULTI: "trc1155",
        AssetStandard.TRC10: "trc10",
    },
}  # fmt: skip
"""Standard -> how an asset id names it, on EVM chains and elsewhere."""


def _borrowed(symbol: str, native: str) -> str:
    """Why a token that bears the name of the chain's coin is not believed; "" for any other."""
    return (
        f"it calls itself {native}, as the chain's own coin" if symbol.casefold() == native.casefold() else ""
    )


def disbelieved(ledger: Ledger) -> pl.DataFrame:
    """asset_id of all assets that are not believed."""
    return ledger.db.polars(_SQL["disbelieved"], {"native": ledger.chain.asset.lower()})


def decimals_of(ledger: Ledger, text: str) -> int:
    """Digits after the point of the asset that `--asset` names; `UsageError` where nobody knows them."""
    (coin, *_) = Assets(ledger, chosen(ledger, text)[:1]).shown[::-1]
    if coin.coin.decimals is None:
        raise UsageError(
            f"nobody knows the decimals of {coin.coin.name}.", hint="Use --min-share instead of --min-value."
        )
    return coin.coin.decimals


def chosen(ledger: Ledger, text: str) -> list[int]:
    """Asset ids that `--asset` names: native, a contract, the symbol of one believed contract; else `UsageError`."""
    chain = ledger.chain
    if text.strip().lower() in ("native", chain.asset.lower()):
        return [NATIVE]
    rows = ledger.db.rows(_SQL["of_symbol"], {"symbol": text.strip().lower()})
    contracts = sorted(ledger.render_addresses({contract for _, contract in rows}).values())
    if len(contracts) > 1:
        shown = ", ".join(contracts[:5]) + (", ..." if len(contracts) > 5 else "")
        raise UsageError(
            f"{len(contracts)} contracts call themselves {text!r}: {shown}.",
            hint="Name the contract: --asset ADDRESS.",
        )
    if contracts:
        return [asset for asset, _ in rows]
    try:
        address = ledger.find_address(chain.parse_address(text))
    except BadAddress:  # a symbol that nobody bears
        address = None
    found = (
        [] if address is None else [a for (a,) in ledger.db.rows(_SQL["of_contract"], {"contract": address})]
    )
    if not found:
        raise UsageError(
            f"no asset {text!r} was ever seen on {chain.name}.",
            hint="Use native, a symbol, or the address of the token's contract.",
        )
    return found
