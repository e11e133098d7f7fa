"""An explorer is asked patiently, and what it answers is read strictly."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from adapters.bitcoin.chains import CHAINS
from adapters.bitcoin.explorer.http import BudgetSpent, Http
from adapters.bitcoin.explorer.source import Esplora, check_chain
from adapters.http import Patience
from tests.nodes.explorer import Answer, Explorer, explorer
from tests.rawblocks import RawChain, RawTx, p2pkh, shop_chain
from tracer.chain import AddressKey, ScriptKind
from tracer.errors import BadBlock, SourceUnavailable, TracerError, UsageError

CHAIN = CHAINS["bitcoin-regtest"]
PATIENCE = Patience(attempts=3, first=0.001, longest=0.01, timeout=5)
Change = Callable[[str, Answer], Answer]
Edit = Callable[[Any], None]


def at(host: Explorer, *, most: int = 1_000, rate: float = 1e4) -> Esplora:
    return Esplora(Http(host.url.partition(":")[2], rate=rate, most=most, patience=PATIENCE), CHAIN)


@pytest.fixture(scope="module")
def chain() -> RawChain:
    """The shop's chain, and 60 payments to one address in two blocks more."""
    chain = RawChain(list(shop_chain().blocks))
    for _ in range(2):
        coin = chain.add()
        before, value = (coin.txid, 0), 5_000_000_000
        payments = []
        for _ in range(30):
            value -= 1_000
            payments.append(RawTx([before], [(p2pkh("busy"), value)]))
            before = (payments[-1].txid, 0)
        chain.add(*payments)
    return chain


@pytest.fixture
def host(chain: RawChain) -> Iterator[Explorer]:
    with explorer(chain.blocks, CHAIN) as served:
        yield served


def address_of(name: str) -> str:
    return CHAIN.render_address(AddressKey(ScriptKind.P2PKH, name.encode().ljust(20, b"\0")))


def test_a_history_comes_in_pages_and_whole(host: Explorer) -> None:
    asked = at(host)
    count = asked.count(address_of("busy"))
    found = list(asked.history(address_of("busy"), count))
    assert count == len(found) == 60
    places = [(told.height, host.index.txs[told.txid[::-1].hex()].place) for told in found]
    assert places == sorted(places, reverse=True), "the newest first"
    assert len(host.asked) == 1 + 3


def test_a_history_that_lacks_what_was_counted_is_refused(host: Explorer) -> None:
    with pytest.raises(SourceUnavailable, match=r"counts 61 transactions of .* shows only 60"):
        list(at(host).history(address_of("busy"), 61))


def test_what_is_not_there_is_none(host: Explorer) -> None:
    asked = at(host)
    assert asked.transaction(bytes(32)) is None
    assert asked.block_hash(10_000) is None
    assert asked.outspends(bytes(32)) == []
    assert asked.block_hash(0) == CHAIN.genesis_hash


def failing(times: int, answer: Answer) -> Change:
    """The first answers are another one."""
    left = [times]

    def change(_path: str, honest: Answer) -> Answer:
        left[0] -= 1
        return honest if left[0] < 0 else answer

    return change


PASSING = {
    "429": Answer(429, b"slow down", headers=(("Retry-After", "0.01"),)),
    "429 with a date": Answer(429, b"", headers=(("Retry-After", "Thu, 01 Jan 1970 00:00:00 GMT"),)),
    "503": Answer(503, b"<html>busy</html>", "text/html"),
    "a web page": Answer(200, b"<!DOCTYPE html><html>checking your browser</html>", "text/html"),
    "a web page that is not found": Answer(404, b"<html>down for maintenance</html>", "text/html"),
    "cut off": Answer(200, b"12", shorten=1),
}


@pytest.mark.parametrize("trouble", [name for name in PASSING if name != "a web page that is not found"])
def test_what_passes_is_waited_for(host: Explorer, trouble: str) -> None:
    host.change = failing(2, PASSING[trouble])
    assert at(host).tip_height() == host.height
    assert len(host.asked) == 3


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (PASSING["429"], "enough requests from us .HTTP 429.; asked 4 times"),
        (PASSING["a web page"], "a web page in place of data"),
        (PASSING["cut off"], "breaks off its answers"),
        (PASSING["a web page that is not found"], "no Esplora API there"),
        (Answer(301, b""), "no Esplora API there"),
        (Answer(401, b""), "refuses us .HTTP 401."),
        (Answer(400, b"Too many history entries"), "HTTP 400.: Too many history entries"),
        (Answer(200, b"twelve"), "answers with no height"),
        (Answer(404, b"nothing here"), "no Esplora API there"),
    ],
)
def test_what_does_not_pass_is_one_clear_line(host: Explorer, answer: Answer, words: str) -> None:
    host.change = lambda _path, _honest: answer
    with pytest.raises(SourceUnavailable, match=words) as failure:
        at(host).tip_height()
    assert failure.value.exit_code == 3
    assert "\n" not in str(failure.value)


def test_nobody_there_is_said_without_the_path_of_the_url() -> None:
    http = Http("http://127.0.0.1:1/secret-key/api", rate=1e4, most=10, patience=PATIENCE)
    with pytest.raises(SourceUnavailable, match=r"^127.0.0.1:1 cannot be reached") as failure:
        Esplora(http, CHAIN).tip_height()
    assert "secret" not in str(failure.value)


def test_requests_are_no_closer_than_agreed_and_a_host_that_asks_for_time_gets_it(host: Explorer) -> None:
    asked = at(host, rate=50)
    before = time.monotonic()
    for _ in range(4):
        asked.tip_height()
    assert time.monotonic() - before >= 3 / 50
    host.change = failing(1, Answer(429, b"", headers=(("Retry-After", "0.2"),)))
    patient = Http(host.url.partition(":")[2], rate=1e4, most=9, patience=Patience(attempts=2, first=0.001))
    before = time.monotonic()
    Esplora(patient, CHAIN).tip_height()
    assert time.monotonic() - before >= 0.2


def test_a_budget_is_not_exceeded_by_repeated_requests_either(host: Explorer) -> None:
    asked = at(host, most=4)
    host.change = failing(2, PASSING["503"])
    asked.tip_height()
    asked.tip_height()
    with pytest.raises(BudgetSpent):
        asked.tip_height()
    assert len(host.asked) == 4


def edited(path: str, edit: Edit) -> Change:
    """Answers under a path with their JSON changed."""

    def change(asked: str, honest: Answer) -> Answer:
        if not asked.endswith(path):
            return honest
        found = json.loads(honest.body)
        edit(found)
        return replace(honest, body=json.dumps(found).encode())

    return change


def put(*path: str | int, value: object) -> Edit:
    def edit(found: Any) -> None:
        for step in path[:-1]:
            found = found[step]
        found[path[-1]] = value

    return edit


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (put("vin", 0, "prevout", "value", value=1.5), "no whole number for value"),
        (put("vin", 0, "prevout", "value", value="12"), "no whole number for value"),
        (put("vin", 0, "prevout", "value", value=True), "no whole number for value"),
        (put("vin", 0, "prevout", "value", value=-1), "no whole number for value"),
        (put("vin", 0, "prevout", value=None), "an input without what it spends"),
        (put("vin", 0, "prevout", "scriptpubkey", value="zz"), "no hexadecimal digits"),
        (put("vin", value=None), "no list for vin"),
        (put("status", value=None), "without a status"),
        (put("status", "block_hash", value="12"), "no hash where one should be"),
        (put("txid", value="00" * 32), "another transaction than it was asked for"),
    ],
)
def test_amounts_are_whole_numbers_and_nothing_is_guessed(host: Explorer, edit: Edit, words: str) -> None:
    txid = host.index.in_block[5][1]
    host.change = edited(f"/tx/{txid}", edit)
    with pytest.raises(SourceUnavailable, match=words):
        at(host).transaction(bytes.fromhex(txid)[::-1])


@pytest.mark.parametrize("body", [b"{", b"[]", b"[" * 100_000])
def test_json_of_another_shape_is_refused(host: Explorer, body: bytes) -> None:
    host.change = lambda _path, _honest: Answer(200, body, "application/json")
    with pytest.raises(SourceUnavailable, match=r"broken JSON|another shape"):
        at(host).transaction(bytes(32))


def test_a_header_that_is_not_of_its_hash_is_refused_by_name(host: Explorer) -> None:
    name = host.index.hashes[5]
    host.change = lambda _path, honest: replace(honest, body=host.index.blocks[6][:80].hex().encode())
    with pytest.raises(BadBlock, match=f"block {name}.*another hash"):
        at(host).header(bytes.fromhex(name)[::-1])


@pytest.mark.parametrize("name", ["bitcoin-cash", "dogecoin", "zcash"])
def test_chains_whose_single_transactions_prove_nothing_are_refused(name: str) -> None:
    with pytest.raises(UsageError, match=f"{name} cannot be read from an explorer") as failure:
        check_chain(CHAINS[name])
    assert isinstance(failure.value, TracerError)


@pytest.mark.parametrize("name", ["bitcoin", "bitcoin-signet", "litecoin", "litecoin-regtest"])
def test_chains_whose_transactions_can_be_proved_are_not(name: str) -> None:
    check_chain(CHAINS[name])
