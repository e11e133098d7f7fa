"""The world put together: two chains on two nodes, everybody on stage, the truth and the claims."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from typing import Any

from adapters.evm.anvil import Node, anvil
from adapters.simulation.accounts.claims import tags_csv
from adapters.simulation.accounts.custodian import exchanges
from adapters.simulation.accounts.hostile import Hostile
from adapters.simulation.accounts.innocents import Public
from adapters.simulation.accounts.keys import text
from adapters.simulation.accounts.lists import emitters_yml, pools_yml
from adapters.simulation.accounts.market import Market
from adapters.simulation.accounts.oddities import Oddities
from adapters.simulation.accounts.relay import Relays
from adapters.simulation.accounts.stage import CHAIN_IDS, START, Stage
from adapters.simulation.accounts.thefts import Drainer, Inbound, Returns, destination, made_up
from adapters.simulation.accounts.truth import AccountTruth, chain_name
from adapters.simulation.claims import vasps_csv
from adapters.simulation.files import write
from adapters.simulation.source import check_size
from tracer.errors import UsageError

Progress = Callable[[int, int], None]
FLAGS: dict[str, Any] = {
    "no_mining": True, "order": "fifo", "timestamp": START, "accounts": 1, "balance": 0, "gas_limit": 300_000_000,
    "disable_pool_balance_checks": True,
}  # fmt: skip
"""How a node has to be started: blocks are made by us, and transactions stand in them as they came."""


class AccountWorld:
    """A finished world. Its nodes run until `close`, or until nobody holds it."""

    def __init__(
        self, seed: int, txs: int, nodes: Sequence[Node] | None, inbound: Sequence[Inbound] | None,
        progress: Progress | None,
    ) -> None:  # fmt: skip
        self.seed, self.txs_requested = seed, txs
        running = ExitStack()
        self._finalizer = weakref.finalize(self, running.close)
        if nodes is None:
            nodes = [running.enter_context(anvil(chain_id, **FLAGS)) for chain_id in CHAIN_IDS]
        self.nodes = {f"evm-{node.chain_id}": node for node in nodes}
        self.urls: dict[str, str] = {name: node.url for name, node in self.nodes.items()}
        stage = self._stage = Stage(nodes, seed, txs)
        self._exchanges = exchanges(stage)
        relays = Relays(stage)
        self._public = Public(stage, relays, self._exchanges)
        self._market = Market(stage, relays, self._exchanges)
        self._drainer = Drainer(stage, relays, self._exchanges, self._public.people)
        count = max(4, txs // 1_000)
        inbound = made_up(seed, count) if inbound is None else inbound
        self._returns = Returns(stage, relays, self._exchanges, seed, inbound)
        Oddities(stage, self._public.people)
        Hostile(stage, self._public.people)
        stage.close_blocks()
        self._live(progress)

    def _live(self, progress: Progress | None) -> None:
        stage = self._stage
        custodians = (*self._exchanges, self._market.custodian)
        for tick in range(stage.ticks):
            due = stage.advance(tick)
            for custodian in custodians:
                custodian.sweep()
            for act in due:
                act()
            self._public.fill(self._market)
            stage.close_blocks()
            if progress is not None:
                progress(min(stage.count, stage.txs), stage.txs)

    @cached_property
    def truth(self) -> AccountTruth:
        """What really happened."""
        stage = self._stage
        times = {place.chain.chain_id: place.chain.times for place in stage.places}
        return AccountTruth(stage.records, times, self._cases)

    def _cases(self) -> dict[str, Any]:
        chain, sources = chain_name(CHAIN_IDS[0]), self.truth.sources
        seeds = {
            case: [f"{txid}@{address}" for txid, address in rows.select("txid", "address").iter_rows()]
            for (case,), rows in sources.group_by("case", maintain_order=True)
        }
        returns = self._returns.inbound
        return {
            "market_withdrawal": {
                "chain": chain,
                "label": "Market C pool",
                "addresses": [text(self._market.custodian.hot.address)],
                "seeds": seeds.get("market_withdrawal", []),
            },
            "drained": {
                "chain": chain,
                "addresses": [text(self._drainer.operator.address)],
                "seeds": seeds.get("drained", []),
            },
            "swapped_in": {
                "chain": chain,
                "addresses": [text(destination(self.seed, i).address) for i in range(len(returns))],
                "inbound": [inbound.txid for inbound in returns],
                "seeds": seeds.get("swapped_in", []),
            },
        }

    def balances(self) -> dict[tuple[str, bytes, bytes], int]:
        """What everybody has at the end, by (chain, asset, address), fees taken off: nodes must say the same.

        Assets: empty for coin, a token's contract, a collectible's contract with its id behind.
        """
        return {
            (chain_name(place.chain.chain_id), asset, address): amount
            for place in self._stage.places
            for (asset, address), amount in place.chain.held.items()
        }

    def write_claims(self, folder: Path) -> None:
        """`tags.csv` and `vasps.csv`: what an investigator would know. Raises StoreUnwritable."""
        write(folder / "tags.csv", tags_csv(self._stage, self._exchanges, self._market).encode())
        write(folder / "vasps.csv", vasps_csv().encode())

    def write_lists(self, folder: Path) -> None:
        """`emitters.yml` and `pools.yml`: the contracts of bridges and mixer pools. Raises StoreUnwritable."""
        write(folder / "emitters.yml", emitters_yml(self._stage).encode())
        write(folder / "pools.yml", pools_yml(self._stage).encode())

    def close(self) -> None:
        """Stop the nodes that were started for it."""
        self._finalizer()

    def __enter__(self) -> AccountWorld:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def build(
    seed: int = 1,
    txs: int = 2_000,
    *,
    nodes: Sequence[Node] | None = None,
    inbound: Sequence[Inbound] | None = None,
    progress: Progress | None = None,
) -> AccountWorld:
    """A deterministic world of about `txs` transactions on two chains: equal arguments give equal blocks.

    nodes     fresh nodes of chain ids 31337 and 31338 started with FLAGS; without, anvil is started (and stopped by
              `close`). SourceUnavailable where there is none
    inbound   bitcoin that the swap network pays out for; without, made-up txids. `thefts.destination(seed, i)` is where
              the payout of number i goes, so that a bitcoin world can name it in its memo before this one is built
    progress  called with transactions done and asked for
    """
    check_size("accounts", txs)
    for node, chain_id in zip(nodes or (), CHAIN_IDS, strict=bool(nodes)):
        if node.chain_id != chain_id or node.call("eth_blockNumber") != "0x0":
            raise UsageError(f"simulation: {node.url} is no fresh node of chain {chain_id}.")
    return AccountWorld(seed, txs, nodes, inbound, progress)
