"""The simulated account world, built once for all tests of a process that ask for it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.nodes.anvil import anvil

if TYPE_CHECKING:
    from adapters.simulation.accounts import AccountWorld
    from adapters.simulation.accounts.thefts import Inbound

SEED, TXS = 1, 2_000


@contextmanager
def built(
    seed: int = SEED, txs: int = TXS, inbound: Sequence[Inbound] | None = None
) -> Iterator[AccountWorld]:
    """A world on nodes of its own; skipped where there is no anvil."""
    from adapters.simulation.accounts.stage import CHAIN_IDS
    from adapters.simulation.accounts.world import FLAGS, build

    with ExitStack() as running:
        nodes = [running.enter_context(anvil(chain_id, **FLAGS)) for chain_id in CHAIN_IDS]
        yield build(seed, txs, nodes=nodes, inbound=inbound)


@pytest.fixture(scope="session")
def account_world() -> Iterator[AccountWorld]:
    """One for everybody: nobody may make blocks on its nodes."""
    with built() as world:
        yield world
