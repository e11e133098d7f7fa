"""Computed balances against a node's: equal where the facts are whole, else the first difference is named."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from adapters.evm.anvil import Node
from adapters.evm.audit import Audit, Difference, audit
from adapters.evm.audit_books import Cause
from adapters.evm.chains import chain_named
from adapters.evm.probe import Traces
from adapters.evm.refusals import NoState
from adapters.evm.rpc import Patience, Rpc
from adapters.evm.source import EvmSource
from adapters.evm.state import State
from adapters.simulation.accounts import AccountWorld
from adapters.simulation.accounts.artefacts import created_at
from cli.app import App
from cli.openings import after_pull
from tests.conftest import scaled
from tests.nodes.anvil import anvil
from tests.nodes.proxy import Asked, Fault, Refuses, Script, proxy
from tests.nodes.town import PRICE, Town
from tracer.chain import AssetStandard
from tracer.errors import ReorgedAway
from tracer.ledger.coverage import coverage
from tracer.ledger.pull import pull
from tracer.ledger.store import Ledger
from tracer.workspace import Workspace

CHAIN = chain_named("evm-31337")
QUICK = Patience(attempts=2, first=0.005, longest=0.02, timeout=10)
EVERYBODY = 10_000
SHOP = "0x" + "00" * 18 + "540b"


@pytest.fixture(scope="module")
def town() -> Iterator[Town]:
    """Twenty-two blocks that no test changes."""
    with anvil(no_mining=True) as node:
        made = Town(node)
        made.live(20)
        yield made


class Books:
    """A store, and what an audit of it says."""

    def __init__(self, folder: Path, chain: str = CHAIN.name) -> None:
        self.app, self.chain = App(Workspace(folder).ready(), quiet=True), chain_named(chain)

    def opened(self) -> Ledger:
        return Ledger.open(self.app.workspace, self.chain)

    def sync(self, url: str, first: int | None = None, *, openings: bool = True) -> Books:
        source = EvmSource(url, self.chain, patience=QUICK)
        pull(lambda: Ledger.open(self.app.workspace, self.chain, read_only=False), source, first=first)
        after_pull(self.app, self.chain.name, source, openings=openings)
        return self

    def audit(self, url: str, addresses: int = EVERYBODY, heights: int = 1_000, seed: int = 0) -> Audit:
        state = State(Rpc(url, patience=QUICK))
        return audit(self.opened, state, addresses=addresses, heights=heights, seed=seed)


@pytest.fixture(scope="module")
def books(town: Town, tmp_path_factory: pytest.TempPathFactory) -> Books:
    """All of it."""
    return Books(tmp_path_factory.mktemp("whole")).sync(town.node.url)


@pytest.fixture(scope="module")
def middle(town: Town, tmp_path_factory: pytest.TempPathFactory) -> Books:
    """From block 9 on."""
    return Books(tmp_path_factory.mktemp("middle")).sync(town.node.url, 9)


def only(made: Audit) -> Difference:
    (found,) = made.differences
    return found


def refuses(message: str, *methods: str, below: int | None = None) -> Script:
    """A provider without these methods; `below`: for blocks below that one."""

    def script(asked: Asked) -> Fault | None:
        hit = [
            call for call in asked.calls
            if call["method"] in methods and (below is None or int(call["params"][-1], 16) < below)
        ]  # fmt: skip
        return Refuses(-32000, message) if hit else None

    return script


PRUNED = refuses("missing trie node 5f", "eth_getBalance", "eth_call", below=15)


# Whole facts --------------------------------------------------------------------------------------


@pytest.mark.parametrize("chain", ["evm-31337", "evm-31338"])
def test_in_the_simulated_world_nothing_differs(
    account_world: AccountWorld, tmp_path: Path, chain: str
) -> None:
    """Every account, every kind of token; every block in the full drill."""
    url = account_world.urls[chain]
    made = Books(tmp_path, chain).sync(url).audit(url, heights=scaled(2, full=1_000))
    assert made.differences == () and made.assets == 0 and made.unopened == 0
    told = {(asset, who) for name, asset, who in account_world.balances() if name == chain}
    assert made.compared > len(made.heights) * len({who for _, who in told})
    spam = [row for row in account_world.truth.tokens.filter(chain=chain).iter_rows() if not row[-1]]
    assert bool(made.refused) == bool(spam)  # they log, and have no balances to tell


def test_every_balance_after_every_block_is_the_nodes_after_a_reorg_too(
    evm_node: Node, tmp_path: Path
) -> None:
    """Depth 20 in the full drill."""
    depth = scaled(6, full=20)
    town = Town(evm_node)
    town.live(depth + 4)
    books = Books(tmp_path).sync(evm_node.url)
    made = books.audit(evm_node.url)
    assert made.heights == tuple(range(town.height + 1)) and made.differences == ()
    town.reorg(depth)
    town.live(3)
    with pytest.raises(ReorgedAway, match="has another block"):
        books.audit(evm_node.url)
    again = books.sync(evm_node.url).audit(evm_node.url)
    assert again.heights == tuple(range(town.height + 1)) and again.differences == ()
    assert again.compared > 30 * len(again.heights)


def test_a_history_from_the_middle_is_compared_by_what_moved(town: Town, middle: Books) -> None:
    """Who only receives has no opening in the store: what the node says of then counts."""
    made = middle.audit(town.node.url)
    assert made.heights == tuple(range(9, town.height + 1))
    assert made.differences == () and made.unopened == 0


def test_the_same_seed_draws_the_same_and_another_draws_others(town: Town, books: Books) -> None:
    one, same, other = (books.audit(town.node.url, 5, 4, seed) for seed in (1, 1, 2))
    assert one == same
    assert one.addresses == 5 and len(one.heights) == 4 and town.height in one.heights
    assert one.heights != other.heights


# Differences --------------------------------------------------------------------------------------


def test_without_tracing_the_first_missing_internal_transfer_is_found(
    town: Town, books: Books, tmp_path: Path
) -> None:
    with proxy(town.node.url, refuses("the method is not available", *Traces)) as provider:
        blind = Books(tmp_path).sync(provider.url)
    with blind.opened() as ledger:
        assert coverage(ledger).untraced == ((0, town.height),)
    with books.opened() as ledger:
        internal = ledger.db.value("SELECT min(tx_id) >> 24 FROM transfer WHERE kind = 1")
    for heights in (3, 1_000):  # looked for between blocks, or seen at once
        found = only(blind.audit(town.node.url, heights=heights))
        assert (found.holding.standard, found.height) == (AssetStandard.NATIVE, internal)
        assert found.cause is Cause.UNTRACED and found.exact
        assert found.told != found.computed


LOGS = bytes.fromhex("ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef")


def token(balance: str) -> str:
    """Creates a token that, called without data, logs that the caller was given so many units as the block has for a
    number; asked anything, it answers `balance` (EVM code that leaves a number)."""
    answer = f"{balance}60005260206000f3"
    code = f"361560{5 + len(answer) // 2:02x}57{answer}5b436000523360007f{LOGS.hex()}60206000a300"
    return f"60{len(code) // 2:02x}8060093d393df3{code}"


def with_token(node: Node, balance: str, holders: int) -> tuple[bytes, int]:
    """Put such a token on a chain, and let accounts log their share; -> its address, and the height of that."""
    people = node.call("eth_accounts")
    nonce = int(node.call("eth_getTransactionCount", people[0], "latest"), 16)
    node.call(
        "eth_sendTransaction", {"from": people[0], "data": "0x" + token(balance), "gas": "0x100000", **PRICE}
    )
    node.call("evm_mine")
    at = created_at(bytes.fromhex(people[0][2:]), nonce)
    for who in people[:holders]:
        node.call("eth_sendTransaction", {"from": who, "to": "0x" + at.hex(), "gas": "0x40000", **PRICE})
    node.call("evm_mine")
    height = int(node.call("eth_blockNumber"), 16)
    node.call("anvil_mine", hex(12))
    return at, height


@pytest.mark.parametrize(
    ("balance", "holders", "later", "cause"),
    [
        # the block's number from the second block on: right when it was logged, and more in every block
        ("436001431102", 3, 1, Cause.REBASING),
        ("436001431102", 1, 1, Cause.UNLOGGED),
        ("60014311", 2, 0, Cause.MISLOGGED),  # one unit from then on, whatever was logged
    ],
    ids=["rebasing", "without an event", "other amounts"],
)
def test_a_token_that_says_other_than_it_logs_is_named_with_the_block(
    evm_node: Node, tmp_path: Path, balance: str, holders: int, later: int, cause: Cause
) -> None:
    contract, logged = with_token(evm_node, balance, holders)
    found = only(Books(tmp_path).sync(evm_node.url).audit(evm_node.url, heights=2))
    assert (found.holding.contract, found.height, found.cause) == (contract, logged + later, cause)
    assert (found.computed, found.told) == (logged, 1 if cause is Cause.MISLOGGED else logged + 1)
    assert found.exact
    first = min(evm_node.call("eth_accounts")[:holders])
    assert found.holding.address.hex() == first[2:]


def test_coin_that_came_from_nowhere_is_unexplained(evm_node: Node, tmp_path: Path) -> None:
    town = Town(evm_node)
    town.live(6)
    evm_node.call("anvil_setBalance", SHOP, hex(10**20))
    town.live(5)
    seen = town.height - 4
    found = only(Books(tmp_path).sync(evm_node.url).audit(evm_node.url, heights=2))
    assert found.holding.address.hex() == SHOP[2:]
    assert found.cause is Cause.UNEXPLAINED and found.height in (seen - 1, seen)


@pytest.mark.parametrize("first", [0, 9])
def test_an_opening_that_nobody_told_is_named(town: Town, tmp_path: Path, first: int) -> None:
    made = Books(tmp_path).sync(town.node.url, first, openings=False).audit(town.node.url)
    coin = made.differences[0]
    assert coin.holding.contract is None
    assert (coin.cause, coin.height, coin.computed) == (Cause.OPENING, max(first - 1, 0), 0)
    assert coin.told > 0
    assert len(made.differences) == (2 if first else 1)  # a token made after block 0 began with nothing


# Nodes that cannot say ----------------------------------------------------------------------------


def test_a_node_without_old_states_is_compared_where_it_has_them(town: Town, books: Books) -> None:
    with proxy(town.node.url, PRUNED) as pruned:
        made = books.audit(pruned.url)
    assert made.heights == tuple(range(15, town.height + 1))
    assert made.too_old == tuple(range(15)) and made.oldest == 15
    assert made.differences == ()


def test_a_difference_older_than_a_nodes_states_is_not_dated_exactly(town: Town, tmp_path: Path) -> None:
    books = Books(tmp_path).sync(town.node.url, openings=False)
    with proxy(town.node.url, PRUNED) as pruned:
        found = only(books.audit(pruned.url))
    assert (found.height, found.exact) == (15, False)


def test_without_a_state_from_before_the_first_block_what_was_not_told_is_counted_and_not_compared(
    town: Town, tmp_path: Path
) -> None:
    books = Books(tmp_path).sync(town.node.url, 9)
    with proxy(town.node.url, PRUNED) as pruned:
        made = books.audit(pruned.url)
    assert made.differences == () and made.compared > 0
    assert made.unopened > 0


def test_a_node_that_has_no_state_at_all_is_refused(town: Town, books: Books) -> None:
    gone: Callable[[Asked], Fault | None] = refuses("missing trie node 5f", "eth_getBalance")
    with (
        proxy(town.node.url, gone) as pruned,
        pytest.raises(NoState, match="does not know the balances of block"),
    ):
        books.audit(pruned.url)


def test_whatever_is_drawn_the_audit_of_whole_facts_finds_nothing(
    town: Town, books: Books, middle: Books, dice: random.Random
) -> None:
    for _ in range(scaled(3, full=30)):
        made = books.audit(
            town.node.url, dice.randrange(1, 30), dice.randrange(1, 8), dice.randrange(1 << 30)
        )
        assert made.differences == ()
