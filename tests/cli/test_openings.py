"""After a pull the node is asked what blocks do not say: opening balances, and who tokens are."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.openings import Asked
from tests.accounts_store import contents
from tests.nodes.anvil import anvil
from tests.nodes.books import Books
from tests.nodes.proxy import Asked as Question
from tests.nodes.proxy import Fault, Refuses, Script, Status, proxy
from tests.nodes.town import Town
from tracer.errors import SourceUnavailable
from tracer.ledger.accounts.balances import balances
from tracer.ledger.accounts.untold import untold_balances, untold_tokens

MIDDLE = 8


@pytest.fixture(scope="module")
def town() -> Iterator[Town]:
    """Sixteen blocks that no test changes."""
    with anvil(no_mining=True) as node:
        made = Town(node)
        made.live(14)
        yield made


def facts(books: Books) -> dict[str, list[tuple[Any, ...]]]:
    with books.opened() as ledger:
        return contents(ledger)


def of(name: str, answer: Fault | None, below: int | None = None) -> Script:
    """A provider that answers so to a method; `below`: asked for blocks below that one."""

    def script(question: Question) -> Fault | None:
        calls = [call for call in question.calls if call["method"] == name]
        old = [call for call in calls if below is None or int(call["params"][-1], 16) < below]
        return answer if old else None

    return script


@pytest.mark.parametrize("first", [0, MIDDLE])
def test_every_balance_that_is_paid_from_is_the_nodes_wherever_the_history_begins(
    town: Town, tmp_path: Path, first: int
) -> None:
    books = Books(tmp_path).pull(town.node.url, first)
    made = books.ask(town.node.url)
    assert made.openings > 0 and made.tokens == 1 and made.notes == []
    with books.opened() as ledger:
        assert untold_balances(ledger).is_empty() and untold_tokens(ledger).is_empty()
        names = {
            i: "0x" + payload.hex()
            for i, payload in ledger.db.rows("SELECT address_id, payload FROM address")
        }
        for height in (first + 2, 12, town.height):
            known = balances(ledger, height=height).filter("opening_known")
            assert {0, 1} <= set(known["asset_id"])
            for who, asset, amount in known.select("address_id", "asset_id", "amount").iter_rows():
                if asset == 0:
                    told = town.node.call("eth_getBalance", names[who], hex(height))
                else:
                    data = "0x70a08231" + "00" * 12 + names[who][2:]
                    told = town.node.call("eth_call", {"to": town.token, "data": data}, hex(height))
                assert int(amount) == int(told, 16), (height, names[who], asset)


def test_who_only_receives_need_not_be_asked_about(town: Town, tmp_path: Path) -> None:
    books = Books(tmp_path).sync(town.node.url, MIDDLE)
    with books.opened() as ledger:
        shops = [bytes.fromhex(shop[2:]) for shop in town.shops]
        told = {payload for payload, *_ in contents(ledger)["opening"]}
        seen = {payload for (payload,) in ledger.db.rows("SELECT payload FROM address")}
    assert seen & set(shops) and not told & set(shops)


def test_asking_again_asks_nothing(town: Town, tmp_path: Path) -> None:
    books = Books(tmp_path).sync(town.node.url, MIDDLE)
    before = facts(books)
    with proxy(town.node.url) as provider:
        again = books.ask(provider.url)
        assert not [call for question in provider.asked for call in question.calls]
    assert (again.openings, again.tokens) == (0, 0)
    assert facts(books) == before


def test_what_a_failing_node_left_out_is_asked_the_next_time(town: Town, tmp_path: Path) -> None:
    books = Books(tmp_path / "cut").pull(town.node.url, MIDDLE)
    gone = of("eth_getBalance", Status(401), below=MIDDLE)
    refused = pytest.raises(SourceUnavailable, match="HTTP 401")
    with proxy(town.node.url, gone) as provider, refused:
        books.ask(provider.url)
    assert facts(books)["token"] and not facts(books)["opening"]
    books.ask(town.node.url)
    assert facts(books) == facts(Books(tmp_path / "whole").sync(town.node.url, MIDDLE))


def test_a_node_without_old_states_is_noted_and_nothing_is_invented(town: Town, tmp_path: Path) -> None:
    books = Books(tmp_path).pull(town.node.url, MIDDLE)
    pruned = of("eth_getBalance", Refuses(-32000, "missing trie node 5f3c (path )"), below=11)
    with proxy(town.node.url, pruned) as provider:
        made = books.ask(provider.url)
    assert made.openings == 0 and made.tokens == 1
    (note,) = made.notes
    assert "has states from block 11 on only" in note and "at the end of block 7 is not known" in note
    assert facts(books)["opening"] == []


def test_openings_can_be_left_out(town: Town, tmp_path: Path) -> None:
    books = Books(tmp_path).pull(town.node.url, MIDDLE)
    assert books.ask(town.node.url, openings=False) == Asked(tokens=1)
    assert facts(books)["opening"] == []


def test_a_node_that_changes_its_branch_meanwhile_is_not_believed(tmp_path: Path) -> None:
    with anvil(no_mining=True) as node:
        town = Town(node)
        town.live(8)
        books = Books(tmp_path).pull(node.url, 5)
        town.reorg(7)
        made = books.ask(node.url)
        assert (made.openings, made.tokens) == (0, 0)
        assert "changed its branch" in made.notes[0]
        assert facts(books)["opening"] == facts(books)["token"] == []


def test_blocks_filled_in_below_get_openings_of_their_own(town: Town, tmp_path: Path) -> None:
    books = Books(tmp_path).sync(town.node.url, MIDDLE).pull(town.node.url, 4, 5)
    books.ask(town.node.url)
    assert {row[-2] for row in facts(books)["opening"]} == {3, MIDDLE - 1}
    with books.opened() as ledger:
        assert untold_balances(ledger).is_empty()
