"""The EVM source reads the simulated account world as the truth has it: two makings of the same facts, row for row."""

from __future__ import annotations

import polars as pl
import pytest

from adapters.evm.chains import chain_named
from adapters.evm.source import EvmSource
from adapters.simulation.accounts import AccountWorld
from tracer.chain import TX_INDEX_BITS, RelationKind, TransferKind
from tracer.ledger.accounts.batch import AccountBatch
from tracer.ledger.batch import KnownBlock
from tracer.ledger.loading import joined

CHAINS = ["evm-31337", "evm-31338"]
FEES = [int(TransferKind.FEE_BURNED), int(TransferKind.FEE_PAID)]


class Nothing:
    """A ledger without a block."""

    def blocks(self) -> list[KnownBlock]:
        return []

    def runs(self) -> list[tuple[int, int]]:
        return []

    def at(self, height: int) -> None:
        return None


@pytest.fixture(scope="module")
def read(account_world: AccountWorld) -> dict[str, AccountBatch]:
    """All that the source hands over, by chain."""
    sources = {chain: EvmSource(account_world.urls[chain], chain_named(chain)) for chain in CHAINS}
    return {
        chain: joined([batch for plan in source.plan(Nothing()) for batch in source.batches(plan)])
        for chain, source in sources.items()
    }


def hexed(column: str) -> pl.Expr:
    return pl.concat_str(pl.lit("0x"), pl.col(column).bin.encode("hex")).alias(column)


@pytest.mark.parametrize("chain", CHAINS)
def test_every_movement_and_every_fee_of_the_truth_is_read_and_no_other(
    account_world: AccountWorld, read: dict[str, AccountBatch], chain: str
) -> None:
    batch, truth = read[chain], account_world.truth
    rows = pl.DataFrame(batch.transfers).with_columns(
        height=pl.col("tx_id") // (1 << TX_INDEX_BITS), index=pl.col("tx_id") % (1 << TX_INDEX_BITS)
    )
    key = ["height", "index", "kind", "contract", "token_id", "source", "target", "amount"]
    seen = rows.filter(~pl.col("kind").is_in(FEES)).select(
        pl.col("height", "index"), "kind", hexed("contract"), pl.col("token_id").bin.encode("hex"),
        hexed("source"), hexed("target"), "amount",
    )  # fmt: skip
    told = truth.transfers.filter(chain=chain).with_columns(
        pl.col("contract", "source", "target").str.to_lowercase()
    )
    assert seen.sort(key).rows() == told.select(key).sort(key).rows()
    fees = rows.filter(pl.col("kind").is_in(FEES)).group_by("height", "index").agg(pl.col("amount").sum())
    paid = truth.transactions.filter(chain=chain).select("height", "index", "fee")
    assert fees.sort("height", "index").rows() == paid.sort("height", "index").rows()


def test_the_amount_that_is_too_great_and_nothing_else_is_put_aside(
    account_world: AccountWorld, read: dict[str, AccountBatch]
) -> None:
    aside = [row for chain in CHAINS for row in read[chain].quarantine.to_pylist()]
    assert [int.from_bytes(row["raw"]) for row in aside] == [2**200 + 7]
    assert account_world.truth.specials["2^200 + 7 minted"][1] in aside[0]["place"]


def test_clones_are_told_from_other_contracts(
    account_world: AccountWorld, read: dict[str, AccountBatch]
) -> None:
    relations = pl.DataFrame(read[CHAINS[0]].relations)
    made = relations.filter(kind=int(RelationKind.CREATE2)).select(hexed("giver"), hexed("receiver"))
    contracts = account_world.truth.contracts.filter(chain=CHAINS[0])
    by_name = {name: set(rows["address"].str.to_lowercase()) for (name,), rows in contracts.group_by("name")}
    assert set(made["receiver"]) == by_name["clone of Forwarder"]
    assert set(made["giver"]) <= by_name["Factory"]
