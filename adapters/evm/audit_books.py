"""The balances of some accounts twice: as the ledger computes them, and as a node tells them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from adapters.evm.state import Holding, State
from tracer.chain import AssetStandard, first_tx_id
from tracer.db import named_sql
from tracer.ledger.accounts.balances import balances
from tracer.ledger.store import Ledger

SQL = named_sql("adapters.evm", "audit.sql")
Run = tuple[int, int]
"""First and last height of blocks read without a gap."""


class Cause(StrEnum):
    """What probably makes a balance differ."""

    OPENING = "missing opening"
    UNTRACED = "untraced block"
    FEE = "unknown fee"
    UNLOGGED = "token that does not log"
    REBASING = "rebasing token"
    MISLOGGED = "token that logs other amounts"
    UNEXPLAINED = "unexplained"

    @property
    def said(self) -> str:
        """In a sentence."""
        return _SAID[self]


_SAID = {
    Cause.OPENING: "nobody told what the account held before the first block read; `tracer sync` asks a node for it",
    Cause.UNTRACED: "internal transfers of that block were not read",
    Cause.FEE: "the fee of a transaction of that block is not known",
    Cause.UNLOGGED: "the token moved without an event",
    Cause.REBASING: "the token changed what several accounts hold without an event",
    Cause.MISLOGGED: "the token's events of that block say something else than its balances",
    Cause.UNEXPLAINED: "nothing that was read of that block explains it",
}


@dataclass(frozen=True)
class Compared:
    """One balance at the end of a block, twice."""

    holding: Holding
    computed: int
    told: int


class Books:
    """Both sides of some accounts, over many blocks. The ledger is open no longer than it is read.

    accounts  address id -> address
    oldest    the first height whose state the node has
    """

    def __init__(
        self,
        open_ledger: Callable[[], Ledger],
        state: State,
        accounts: Mapping[int, bytes],
        runs: Sequence[Run],
    ) -> None:
        self.open_ledger, self.state, self.accounts, self.runs = open_ledger, state, accounts, runs
        self.oldest = 0
        self.compared = 0
        self.refused: set[Holding] = set()
        self.unknown: set[Holding] = set()
        self.unopened: set[Holding] = set()
        self._assets: dict[int, tuple[int, bytes | None, bytes | None]] = {}
        self._computed: dict[int, dict[Holding, int | None]] = {}
        self._before: dict[tuple[int, Holding], int | None] = {}
        self.tip = runs[-1][1]
        self.holdings = sorted(
            {*self.computed(self.tip), *(Holding(address) for address in accounts.values())}, key=order
        )
        self._told = self._openings()

    def run(self, height: int) -> Run:
        """The run of blocks that a height, or the end of the block before, is of."""
        return next((run for run in self.runs if run[0] <= height <= run[1]), (height + 1, height))

    def base(self, height: int) -> int:
        """The block whose end is where the history of a height begins."""
        return max(self.run(height)[0] - 1, 0)

    def computed(self, height: int) -> dict[Holding, int | None]:
        """What the ledger makes of the blocks up to a height; None where an amount is unknown."""
        if height not in self._computed:
            with self.open_ledger() as ledger:
                rows = balances(ledger, list(self.accounts), height=height)
                self._learn(ledger, rows["asset_id"].unique().to_list())
            found: dict[Holding, int | None] = {}
            for address_id, asset_id, amount in rows.select("address_id", "asset_id", "amount").iter_rows():
                holding = self._holding(address_id, asset_id)
                before = found.get(holding, 0)
                found[holding] = None if amount is None or before is None else before + int(amount)
            self._computed[height] = found
        return self._computed[height]

    def compare(self, height: int, holdings: Iterable[Holding] | None = None) -> list[Compared]:
        """Balances that both know at the end of a block, in order; of others it is noted why not."""
        base = self.base(height)
        begins = self.run(height)[0] == 0
        asked = list(self.holdings if holdings is None else holdings)
        computed, start = self.computed(height), {}
        by_change = [h for h in asked if not begins and not any(base <= at <= height for at in self._told[h])]
        if by_change and base < self.oldest:
            self.unopened.update(by_change)
            missing = set(by_change)
            asked = [h for h in asked if h not in missing]
        elif by_change:
            at_base = self.computed(base)
            for holding, before in zip(by_change, self.before(by_change, base), strict=True):
                then = at_base.get(holding, 0)
                start[holding] = None if before is None or then is None else before - then
        out = []
        for holding, told in zip(asked, self.state.balances(asked, height), strict=True):
            units, before = computed.get(holding, 0), start.get(holding, 0)
            if units is None:
                self.unknown.add(holding)
            elif told is None or before is None:
                self.refused.add(holding)
            else:
                self.compared += 1
                out.append(Compared(holding, before + units, told))
        return out

    def before(self, holdings: Sequence[Holding], base: int) -> list[int | None]:
        """What the node tells of the end of the block before a run; asked once."""
        new = [holding for holding in holdings if (base, holding) not in self._before]
        told = self.state.balances(new, base)
        self._before.update(zip(((base, holding) for holding in new), told, strict=True))
        return [self._before[base, holding] for holding in holdings]

    def cause(self, found: Compared, height: int, others: int) -> Cause:
        """Why a balance first differs at a height; `others`: accounts of which the same asset does."""
        holding = found.holding
        bounds = {"first": first_tx_id(height), "stop": first_tx_id(height + 1)}
        with self.open_ledger() as ledger:
            if height == self.base(height):
                return Cause.UNEXPLAINED if height in self._told[holding] else Cause.OPENING
            if holding.contract is None:
                if not ledger.db.value(SQL["traced"], {"height": height}):
                    return Cause.UNTRACED
                fees = ledger.db.value(SQL["unknown_fees"], {**bounds, "address": holding.address})
                return Cause.FEE if fees else Cause.UNEXPLAINED
            named = {**bounds, "address": holding.address, "contract": holding.contract}
            if ledger.db.value(SQL["logged"], named):
                return Cause.MISLOGGED
        return Cause.REBASING if others else Cause.UNLOGGED

    def _holding(self, address_id: int, asset_id: int) -> Holding:
        return Holding(self.accounts[address_id], *self._assets[asset_id])

    def _learn(self, ledger: Ledger, asset_ids: Iterable[int]) -> None:
        import polars as pl

        new = pl.DataFrame(
            {"asset_id": sorted(set(asset_ids) - self._assets.keys())}, schema={"asset_id": pl.Int32}
        )
        with ledger.db.table("asked", new):
            for asset_id, standard, contract, token_id in ledger.db.rows(SQL["assets"]):
                # of collectibles a node tells how many of a collection somebody has
                number = None if standard == AssetStandard.UNIQUE else token_id
                self._assets[asset_id] = (standard, contract, number)

    def _openings(self) -> defaultdict[Holding, list[int]]:
        """Heights for which a balance was told; not of collectibles, whose number nobody tells one by one."""
        import polars as pl

        found: defaultdict[Holding, list[int]] = defaultdict(list)
        asked = pl.DataFrame({"address_id": list(self.accounts)}, schema={"address_id": pl.Int32})
        with self.open_ledger() as ledger, ledger.db.table("asked", asked):
            rows = ledger.db.rows(SQL["told"])
            self._learn(ledger, {asset_id for _, asset_id, _ in rows})
        for address_id, asset_id, height in rows:
            holding = self._holding(address_id, asset_id)
            if holding.standard != AssetStandard.UNIQUE:
                found[holding].append(height)
        return found


def order(holding: Holding) -> tuple[bytes, bytes, bytes]:
    """Total order: the native coin first, then by contract, number and account."""
    return holding.contract or b"", holding.token_id or b"", holding.address
