"""The world put together: everybody on stage, a year of blocks, the truth and the claims."""

from __future__ import annotations

import gc
import struct
import weakref
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from adapters.simulation.cashout import Mixer
from adapters.simulation.claims import Tag, tags_csv, vasps_csv
from adapters.simulation.economy import START, WARM_UP_BLOCKS, WARM_UP_SECONDS, Economy
from adapters.simulation.encode import REGTEST_MAGIC
from adapters.simulation.exchanges import VASPS, Exchange, Miners
from adapters.simulation.files import write
from adapters.simulation.innocents import Public
from adapters.simulation.mixers import JoinMarket, Whirlpool
from adapters.simulation.shop import LABELLED, Shop
from adapters.simulation.trade import Trade
from adapters.simulation.truth import GroundTruth
from adapters.simulation.wabisabi import WabiSabi

Progress = Callable[[int, int], None]
FILE_SIZE = 128 << 20  # bytes of one blk file, as Bitcoin Core cuts them


class World:
    """A finished simulated chain. Blocks may stand in a temporary file; it goes with the object."""

    def __init__(self, name: str, seed: int, txs: int, signed: bool, progress: Progress | None) -> None:
        self.name = name
        self.seed = seed
        self.txs_requested = txs
        self.signed = signed
        eco = self._eco = Economy(f"{name}/{seed}/{txs}", txs, signed)
        self._finalizer = weakref.finalize(self, eco.chain.close)
        self._exchanges = [Exchange(eco, vasp) for vasp in VASPS]
        self._miners = Miners(eco, self._exchanges)
        self._whirlpool = Whirlpool(eco, list(self._exchanges[:2]))
        wasabi = WabiSabi(eco, list(self._exchanges[:2]))
        mixers: dict[str, Mixer] = {
            "whirlpool": self._whirlpool,
            "joinmarket": JoinMarket(eco, list(self._exchanges[:2])),
            "wasabi": wasabi,
        }
        self._trade = Trade(eco, self._exchanges, mixers)
        self._shop = Shop(eco, self._exchanges, mixers)
        self._public = Public(eco, self._exchanges, mixers)
        self._live(progress)

    def _live(self, progress: Progress | None) -> None:
        eco, chain = self._eco, self._eco.chain
        for i in range(WARM_UP_BLOCKS):
            chain.miner = self._miners.next_key()
            chain.close_block(START + i * WARM_UP_SECONDS)
        for tick in range(eco.ticks):
            due = eco.advance(tick)
            chain.miner = self._miners.next_key()
            self._miners.act()
            for exchange in self._exchanges:
                exchange.act()
            for act in due:
                act()
            self._trade.act()
            self._shop.act()
            self._whirlpool.act()
            self._public.fill()
            if tick == eco.ticks - 1:
                for custodian in (*self._exchanges, self._shop, self._public.merchant, self._public.gambling):
                    custodian.sweep()
            chain.close_block(eco.block_time(tick))
            if progress is not None:
                progress(min(chain.tx_count, eco.txs), eco.txs)

    def blocks(self) -> Iterator[bytes]:
        """Every block in consensus encoding, from the regtest genesis block (height 0)."""
        yield from self._eco.chain.blocks()  # a generator of its own: it keeps the world and its file alive

    def write_blocks(self, folder: Path, file_size: int = FILE_SIZE) -> list[Path]:
        """`blk00000.dat` and so on, framed as Bitcoin Core frames them: magic, length, block.

        Raises StoreUnwritable; files finished before are kept.
        """
        paths: list[Path] = []
        pending: list[bytes] = []
        size = 0

        def flush() -> None:
            path = folder / f"blk{len(paths):05d}.dat"
            write(path, b"".join(pending))
            paths.append(path)
            pending.clear()

        for block in self.blocks():
            if pending and size + len(block) + 8 > file_size:
                flush()
                size = 0
            pending += (REGTEST_MAGIC, struct.pack("<I", len(block)), block)
            size += len(block) + 8
        flush()
        return paths

    def write_claims(self, folder: Path) -> None:
        """`tags.csv` and `vasps.csv`: what an investigator would know. Raises StoreUnwritable."""
        tags = list(self._tags())
        texts = {tag.row: self.truth.address_text(tag.row) or "" for tag in tags}
        write(folder / "tags.csv", tags_csv(tags, texts).encode())
        write(folder / "vasps.csv", vasps_csv().encode())

    def _tags(self) -> Iterator[Tag]:
        for exchange in self._exchanges:
            for key in exchange.hot_keys:
                yield Tag(
                    key.index,
                    exchange.vasp.title,
                    "exchange",
                    exchange.name,
                    "hot",
                    "service_api",
                    definer=True,
                )
        market_a, market_b = self._trade.market_a, self._trade.market_b
        for key in market_a.hot_keys:
            yield Tag(
                key.index, "Market A pool", "market", "market-a", "pool", "authority_data", definer=True
            )
        for key in market_b.commission_keys:
            yield Tag(key.index, "Market B commission", "market", "market-b", "payment", "authority_data")
        for key in self._public.gambling.hot_keys:
            yield Tag(key.index, "Gambling site", "gambling", "gambling-1", "hot", "web_crawl", definer=True)
        for key in self._public.merchant.hot_keys:
            yield Tag(
                key.index,
                "Merchant processor",
                "payment_processor",
                "merchant-1",
                "hot",
                "web_crawl",
                definer=True,
            )
        yield Tag(self._public.donations.key.index, "Donation jar", "donation", "donation-1", "", "web_crawl")
        for i, key in enumerate(self._shop.customer_keys):
            if i * LABELLED // 100 != (i + 1) * LABELLED // 100:
                yield Tag(
                    key.index,
                    "Shop payment address",
                    "child_sexual_abuse",
                    "shop-1",
                    "payment",
                    "authority_data",
                )

    @cached_property
    def truth(self) -> GroundTruth:
        """What really happened."""
        return GroundTruth(self._eco.truth, self._cases)

    def _cases(self) -> dict[str, Any]:
        truth = self.truth
        orders = truth.orders
        in_a = orders.filter(orders["market"] == "market-a")
        in_b = orders.filter(orders["market"] == "market-b")
        buyer = in_a.sort("time", "order_id").row(in_a.height // 4, named=True)
        closed = (
            START
            + WARM_UP_BLOCKS * WARM_UP_SECONDS
            + self._trade.market_a.closed_tick * self._eco.spacing * 3_600
        )
        labelled = [tag.row for tag in self._tags() if tag.actor == "shop-1"]
        return {
            "pool": {
                "label": "Market A pool",
                "actor": "market-a",
                "addresses": [truth.address_text(key.index) for key in self._trade.market_a.hot_keys],
                "window": (_utc(START), _utc(closed + 3_600)),
            },
            "multisig": {
                "actor": "market-b",
                "addresses": in_b["address"].to_list(),
                "outpoints": [
                    f"{txid}:{vout}" for txid, vout in in_b.select("funding_txid", "funding_vout").iter_rows()
                ],
                "order_ids": in_b["order_id"].to_list(),
                "window": (_utc(START), _utc(self._eco.chain.time)),
            },
            "shop": {
                "label": "Shop payment address",
                "actor": "shop-1",
                "addresses": [truth.address_text(row) for row in labelled],
                "window": (_utc(START), _utc(self._eco.chain.time)),
            },
            "buyer_deposit": {
                "outpoint": f"{buyer['funding_txid']}:{buyer['funding_vout']}",
                "address": buyer["address"],
                "buyer": buyer["buyer"],
                "order_id": buyer["order_id"],
                "market": "market-a",
            },
        }

    def close(self) -> None:
        """Give the temporary file back now; `blocks` cannot be asked afterwards."""
        self._finalizer()


def _utc(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def build(name: str, seed: int, txs: int, signed: bool, progress: Progress | None) -> World:
    """The world, built without the cyclic garbage collector: it makes millions of objects and no cycles."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        return World(name, seed, txs, signed, progress)
    finally:
        if collecting:
            gc.enable()
