"""Computed balances against a node's: equal where the facts are whole, else the first difference is named."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from adapters.evm.anvil import Node
from adapters.evm.audit import Audit, Difference, audit
from adapters.evm.audit_books import Cause
from adapters.evm.probe import Traces
from adapters.evm.refusals import NoState
from adapters.evm.rpc import Rpc
from adapters.evm.state import State
from adapters.simulation.accounts import AccountWorld
from adapters.simulation.accounts.artefacts import created_at
from tests.conftest import scaled
from tests.nodes.anvil import anvil
from tests.nodes.books import QUICK, Books
from tests.nodes.proxy import Asked, Fault, Refuses, Script, proxy
from tests.nodes.town import PRICE, Town
from tracer.chain import AssetStandard
from tracer.errors import ReorgedAway
from tracer.ledger.coverage import coverage

EVERYBODY = 10_000
SHOP = "0x" + "00" * 18 + "540b"


@pytest.fixture(scope="module")
def town() -> Iterator[Town]:
    """Twenty-two blocks that no test changes."""
    with anvil(no_mining=True) as node:
        made = Town(node)
        made.live(20)
        yield made


def audited(books: Books, url: str, addresses: int = EVERYBODY, heights: int = 5, seed: int = 0) -> Audit:
    state = State(Rpc(url, patience=QUICK))
    return audit(books.opened, state, addresses=addresses, heights=heights, seed=seed)


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
    made = audited(Books(tmp_path, chain).sync(url), url, heights=scaled(2, full=1_000))
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
    made = audited(books, evm_node.url, heights=1_000)
    assert made.heights == tuple(range(town.height + 1)) and made.differences == ()
    town.reorg(depth)
    town.live(3)
    with pytest.raises(ReorgedAway, match="has another block"):
        audited(books, evm_node.url)
    again = audited(books.sync(evm_node.url), evm_node.url, heights=1_000)
    assert again.heights == tuple(range(town.height + 1)) and again.differences == ()
    assert again.compared > 30 * len(again.heights)


def test_a_history_from_the_middle_is_compared_by_what_moved(town: Town, middle: Books) -> None:
    """Who only receives has no opening in the store: what the node says of then counts."""
    made = audited(middle, town.node.url, heights=1_000)
    assert made.heights == tuple(range(9, town.height + 1))
    assert made.differences == () and made.unopened == 0


def test_the_same_seed_draws_the_same_and_another_draws_others(town: Town, books: Books) -> None:
    one, same, other = (audited(books, town.node.url, 5, 4, seed) for seed in (1, 1, 2))
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
        found = only(audited(blind, town.node.url, heights=heights))
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


TOKENS = {
    # the block's number from the second block on: right when it was logged, and more in every block
    "rebases": ("436001431102", 3, 1, Cause.REBASING),
    "moves without an event": ("436001431102", 1, 1, Cause.UNLOGGED),
    # one unit from then on, whatever was logged
    "logs other amounts": ("60014311", 2, 0, Cause.MISLOGGED),
}


def test_a_token_that_says_other_than_it_logs_is_named_with_the_block(evm_node: Node, tmp_path: Path) -> None:
    people = evm_node.call("eth_accounts")
    maker = bytes.fromhex(people[0][2:])
    tokens = {name: created_at(maker, nonce) for nonce, name in enumerate(TOKENS)}
    for balance, *_ in TOKENS.values():
        data = "0x" + token(balance)
        evm_node.call("eth_sendTransaction", {"from": people[0], "data": data, "gas": "0x100000", **PRICE})
    evm_node.call("evm_mine")
    for name, (_, holders, *_) in TOKENS.items():
        for who in people[:holders]:
            to = "0x" + tokens[name].hex()
            evm_node.call("eth_sendTransaction", {"from": who, "to": to, "gas": "0x40000", **PRICE})
    evm_node.call("evm_mine")
    evm_node.call("anvil_mine", hex(12))
    made = audited(Books(tmp_path).sync(evm_node.url), evm_node.url, heights=2)
    found = {each.holding.contract: each for each in made.differences}
    assert made.assets == len(found) == len(TOKENS)
    for name, (_, holders, later, cause) in TOKENS.items():
        each = found[tokens[name]]
        assert (each.height, each.cause, each.exact) == (2 + later, cause, True), name
        assert (each.computed, each.told) == (2, 1 if cause is Cause.MISLOGGED else 3), name
        assert each.holding.address.hex() == min(people[:holders])[2:], name


def test_coin_that_came_from_nowhere_is_unexplained(evm_node: Node, tmp_path: Path) -> None:
    town = Town(evm_node)
    town.live(6)
    evm_node.call("anvil_setBalance", SHOP, hex(10**20))
    town.live(5)
    seen = town.height - 4
    found = only(audited(Books(tmp_path).sync(evm_node.url), evm_node.url, heights=2))
    assert found.holding.address.hex() == SHOP[2:]
    assert found.cause is Cause.UNEXPLAINED and found.height in (seen - 1, seen)


@pytest.mark.parametrize("first", [0, 9])
def test_an_opening_that_nobody_told_is_named(town: Town, tmp_path: Path, first: int) -> None:
    made = audited(Books(tmp_path).sync(town.node.url, first, openings=False), town.node.url)
    coin = made.differences[0]
    assert coin.holding.contract is None
    assert (coin.cause, coin.height, coin.computed) == (Cause.OPENING, max(first - 1, 0), 0)
    assert coin.told > 0
    assert len(made.differences) == (2 if first else 1)  # a token made after block 0 began with nothing


# Nodes that cannot say ----------------------------------------------------------------------------


def test_a_node_without_old_states_is_compared_where_it_has_them(town: Town, books: Books) -> None:
    with proxy(town.node.url, PRUNED) as pruned:
        made = audited(books, pruned.url, heights=1_000)
    assert made.heights == tuple(range(15, town.height + 1))
    assert made.too_old == tuple(range(15)) and made.oldest == 15
    assert made.differences == ()


def test_a_difference_older_than_a_nodes_states_is_not_dated_exactly(town: Town, tmp_path: Path) -> None:
    books = Books(tmp_path).sync(town.node.url, openings=False)
    with proxy(town.node.url, PRUNED) as pruned:
        found = only(audited(books, pruned.url))
    assert (found.height, found.exact) == (15, False)


def test_without_a_state_from_before_the_first_block_what_was_not_told_is_counted_and_not_compared(
    town: Town, tmp_path: Path
) -> None:
    books = Books(tmp_path).sync(town.node.url, 9)
    with proxy(town.node.url, PRUNED) as pruned:
        made = audited(books, pruned.url)
    assert made.differences == () and made.compared > 0
    assert made.unopened > 0


def test_a_node_that_has_no_state_at_all_is_refused(town: Town, books: Books) -> None:
    gone: Callable[[Asked], Fault | None] = refuses("missing trie node 5f", "eth_getBalance")
    with (
        proxy(town.node.url, gone) as pruned,
        pytest.raises(NoState, match="does not know the balances of block"),
    ):
        audited(books, pruned.url)


def test_whatever_is_drawn_the_audit_of_whole_facts_finds_nothing(
    town: Town, books: Books, middle: Books, dice: random.Random
) -> None:
    for _ in range(scaled(2, full=30)):
        made = audited(
            books, town.node.url, dice.randrange(1, 30), dice.randrange(1, 8), dice.randrange(1 << 30)
        )
        assert made.differences == ()
