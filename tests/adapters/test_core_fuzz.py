"""A node whose answers are damaged on the way: a clear line or the right facts, and the next run makes up for it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.bitcoin.chains import CHAINS
from adapters.bitcoin.core.access import Access
from adapters.bitcoin.core.source import CoreSource
from adapters.http import Patience
from tests.conftest import scaled
from tests.mutations import mutant
from tests.nodes.litecoind import Litecoind, litecoind
from tests.nodes.proxy import Asked, Fault, Rewrites, proxy
from tests.stores import contents
from tracer.errors import TracerError
from tracer.ledger.pull import pull
from tracer.ledger.store import Ledger
from tracer.workspace import Workspace

CHAIN = CHAINS["litecoin-regtest"]
QUICK = Patience(attempts=2, first=0.002, longest=0.01, timeout=10)
RUNS = scaled(3, full=150)


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Litecoind]:
    """Thirty blocks that no test changes."""
    with litecoind(tmp_path_factory.mktemp("node")) as running:
        running.mine(30)
        yield running


def read(node: Litecoind, url: str, folder: Path) -> dict[str, list[tuple[object, ...]]]:
    """The facts after reading what is new."""
    workspace = Workspace(folder).ready()
    source = CoreSource(Access(url, cookie=node.cookie), CHAIN, patience=QUICK)
    pull(lambda: Ledger.open(workspace, CHAIN, read_only=False), source)
    with Ledger.open(workspace, CHAIN) as ledger:
        return contents(ledger)


@pytest.mark.parametrize("rest", [True, False], ids=["REST", "RPC"])
def test_damaged_answers_are_refused_or_change_nothing(
    node: Litecoind, tmp_path: Path, dice: random.Random, rest: bool
) -> None:
    truth = read(node, node.url, tmp_path / "truth")

    def damaging(asked: Asked) -> Fault | None:
        if not rest and asked.gets("/rest/"):
            return Rewrites(lambda _: b"no")
        return Rewrites(lambda raw: mutant(dice, [raw])) if dice.random() < 0.1 else None

    for run in range(RUNS):
        with proxy(node.url, damaging) as provider:
            try:
                assert read(node, provider.url, tmp_path / f"{run}") == truth
            except TracerError as error:
                assert error.exit_code in (3, 4)
                assert len(str(error)) < 1_000
        assert read(node, node.url, tmp_path / f"{run}") == truth
