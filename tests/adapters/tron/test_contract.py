"""The contract suite of sources, for `tron:` over a node served by hand (`tests.contracts.test_sources`)."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from adapters.tron.source import TronSource
from tests import accounts_store
from tests.adapters.tron.node import Node, serving
from tests.adapters.tron.town import CHAIN, Tx, blocks, call, inside, moved, pay
from tests.contracts import test_sources as suite
from tests.contracts.harness import PATIENCE, Facts, Harness
from tracer.ledger.store import Ledger

test_reading_twice = suite.test_reading_twice_changes_nothing
test_what_is_new_and_what_is_missing = suite.test_what_is_new_is_added_and_what_is_missing_filled
test_a_lost_branch = suite.test_a_lost_branch_leaves_nothing_behind
test_any_history_of_branches = suite.test_any_history_of_branches_ends_where_a_fresh_read_ends
test_a_read_that_was_broken_off = suite.test_a_read_that_was_broken_off_goes_on_where_it_was
test_a_torn_block = suite.test_a_torn_block_is_named_kept_apart_and_read_again_from_a_sound_source
small_turns = suite.small_turns


class TronHarness(Harness):
    """`tron:` over a node with a town on it."""

    chain = CHAIN

    def __init__(self, node: Node) -> None:
        self.node, self._made, self._salt = node, 0, ""
        node.branch = blocks()
        self.grow(12)

    def grow(self, count: int) -> None:
        rows = [self._row() for _ in range(count)]
        self.node.branch = blocks(*rows, after=self.node.branch, salt=self._salt)

    def reorg(self, depth: int) -> None:
        self._salt += "x"
        self.node.branch = self.node.branch[:-depth]
        self.grow(depth + 1)

    def source(self) -> TronSource:
        return TronSource(self.node.url, CHAIN, patience=PATIENCE)

    @contextmanager
    def torn(self, height: int) -> Iterator[TronSource]:
        sound = self.node.branch
        self.node.branch = copy.deepcopy(sound)
        self.node.branch[height].block["block_header"]["raw_data"]["timestamp"] += 1
        yield self.source()
        self.node.branch = sound

    def contents(self, ledger: Ledger) -> Facts:
        return accounts_store.contents(ledger)

    @property
    def height(self) -> int:
        return self.node.branch[-1].height

    @property
    def created(self) -> int:
        return 0  # rewards are booked when they are withdrawn, and here nobody does

    def _row(self) -> list[Tx]:
        self._made += 1
        number = self._made
        frames, logs = [inside("shop", "eve", number)], [moved("USDT", "shop", f"user{number}", number)]
        return [
            pay(f"pay{number}", "alice", f"user{number % 5}", number, fee=1),
            call(f"call{number}", f"user{number % 3}", "shop", number, frames=frames, logs=logs),
        ][: 1 + number % 2]


@pytest.fixture
def it() -> Iterator[Harness]:
    with serving(blocks()) as node:
        yield TronHarness(node)
