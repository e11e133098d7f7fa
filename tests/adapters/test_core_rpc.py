"""Talking to a Core-like node: whatever happens on the way, all answers arrive, or one line says why not."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from adapters.bitcoin.core.access import Access, access
from adapters.bitcoin.core.rpc import Asked, Core, NodeError
from adapters.http import NoMethod, Patience, Refused
from tests.nodes.litecoind import Litecoind, litecoind
from tests.nodes.proxy import (
    Changes,
    Dawdles,
    Drops,
    Fault,
    Proxy,
    Refuses,
    Says,
    Shortens,
    Status,
    always,
    first,
    proxy,
)
from tracer.errors import SourceUnavailable, UsageError

QUICK = Patience(attempts=4, first=0.01, longest=0.03, timeout=0.8)
HEIGHTS = [Asked("getblockhash", (height,)) for height in range(40)]


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Litecoind]:
    with litecoind(tmp_path_factory.mktemp("node"), "-rpcuser=watson", "-rpcpassword=hunter2") as running:
        running.mine(40)
        yield running


@pytest.fixture
def provider(node: Litecoind) -> Iterator[Proxy]:
    with proxy(node.url) as running:
        yield running


def asking(url: str) -> Core:
    return Core(Access(url, user="watson", password="hunter2"), patience=QUICK)


def hashes(node: Litecoind) -> list[str]:
    return [str(found) for found in node.calls([("getblockhash", [height]) for height in range(40)])]


PASSING: dict[str, Fault] = {
    "429": Status(429),
    "429 with a wish": Status(429, retry_after="0.01"),
    "503: the work queue is full": Status(503, body="Work queue depth exceeded"),
    "a node that starts": Refuses(-28, "Loading block index..."),
    "a web page": Says("<!DOCTYPE html><html>Bad gateway</html>"),
    "an empty body": Says(""),
    "JSON that is no JSON-RPC": Says("[1, 2]"),
    "half the bytes announced": Shortens(honest=True),
    "half the JSON": Shortens(honest=False),
    "no word at all": Drops(),
    "answers left out": Changes(lambda answers: answers[:-1]),
}


@pytest.mark.parametrize("fault", PASSING.values(), ids=list(PASSING))
def test_what_passes_is_waited_for(provider: Proxy, node: Litecoind, fault: Fault) -> None:
    provider.script = first(2, fault)
    assert asking(provider.url).all(HEIGHTS) == hashes(node)


def test_answers_may_come_in_any_order(provider: Proxy, node: Litecoind) -> None:
    provider.script = always(Changes(lambda answers: answers[::-1]))
    assert asking(provider.url).all(HEIGHTS) == hashes(node)


@pytest.mark.parametrize(
    "fault",
    [Status(413), Refuses(-32600, "batch limit 7 exceeded"), Dawdles(1.2)],
    ids=["413", "a limit in words", "late"],
)
def test_batches_that_are_too_large_are_split_and_that_is_remembered(
    provider: Proxy, node: Litecoind, fault: Fault
) -> None:
    provider.script = lambda asked: fault if len(asked.calls) > 10 else None
    core = asking(provider.url)
    assert core.all(HEIGHTS) == hashes(node)
    asked = len(provider.asked)
    assert core.all(HEIGHTS) == hashes(node)
    assert all(len(request.calls) <= 10 for request in provider.asked[asked:])


LASTING: dict[str, tuple[Fault, str]] = {
    "401": (Status(401), "refuses us (HTTP 401): wrong or missing credentials. Put user and password"),
    "403": (Status(403), "refuses us (HTTP 403)"),
    "404": (Status(404), "is no JSON-RPC endpoint (HTTP 404)"),
    "429": (Status(429), "is too busy for us (HTTP 429); asked"),
    "503": (Status(503), "has a problem (HTTP 503); asked"),
    "a web page": (Says("<html>Log in</html>"), "answers with a web page in place of JSON"),
    "half the JSON": (Shortens(honest=False), "cuts its answers short"),
    "broken JSON": (Says('{"result" "2.0"}'), "answers with broken JSON"),
    "brackets alone": (Says('{"result":' + "[" * 100_000 + "]" * 100_000 + "}"), "answers with broken JSON"),
    "half the bytes": (Shortens(honest=True), "breaks off its answers"),
    "silence": (Drops(), "cannot be reached"),
    "late": (Dawdles(1.2), "does not answer in time"),
    "starting": (Refuses(-28, "Verifying blocks"), "is still starting: Verifying blocks; asked 4 times"),
    "words with a password": (Refuses(-1, "no, watson:hunter2"), "refuses getblockcount: no, ...:..."),
}


@pytest.mark.parametrize(("fault", "words"), LASTING.values(), ids=list(LASTING))
def test_what_lasts_is_one_line_without_secrets(provider: Proxy, fault: Fault, words: str) -> None:
    provider.script = always(fault)
    with pytest.raises(SourceUnavailable) as failure:
        asking(provider.url).ask("getblockcount")
    said = str(failure.value)
    assert words in said
    assert said.startswith(f"127.0.0.1:{provider.url.rpartition(':')[2]} ")
    assert "\n" not in said
    assert "hunter2" not in said


def test_what_a_node_refuses_is_told_by_its_code_and_what_it_does_not_know_by_name(node: Litecoind) -> None:
    core = asking(node.url)
    with pytest.raises(NodeError, match=r"refuses getblockhash: Block height out of range\.$") as failure:
        core.ask("getblockhash", 41)
    assert failure.value.code == -8
    with pytest.raises(NoMethod, match="does not offer getblockhole"):
        core.ask("getblockhole")
    found = core.each([Asked("getblockhash", (40,)), Asked("getblockhash", (41,)), Asked("getblockhole")])
    assert [isinstance(each, Refused) for each in found] == [False, True, True]


def test_a_method_that_is_not_whitelisted_is_one_the_node_does_not_offer(provider: Proxy) -> None:
    core = asking(provider.url)
    core.ask("getblockcount")
    provider.script = always(Status(403, body=""))
    with pytest.raises(NoMethod, match=r"does not let us call getrawmempool \(HTTP 403\)"):
        core.ask("getrawmempool")


def test_fractions_are_exact(node: Litecoind) -> None:
    name = node.call("getblockhash", 1)
    paid = asking(node.url).ask("getblock", name, 2)["tx"][0]["vout"][0]["value"]
    assert (paid, type(paid)) == (50, Decimal)


@pytest.mark.parametrize("rest", ["1", "0"])
def test_rest_gives_the_bytes_where_it_is_on(tmp_path: Path, rest: str) -> None:
    with litecoind(tmp_path / "node", f"-rest={rest}") as node:
        core = Core(Access(node.url, cookie=node.cookie), patience=QUICK)
        name = node.call("getbestblockhash")
        if rest == "1":
            assert core.rest(f"block/{name}.bin").hex() == node.call("getblock", name, 0)
            with pytest.raises(NoMethod, match="does not serve /rest/spenttxouts"):
                core.rest(f"spenttxouts/{name}.bin")
        else:
            with pytest.raises(NoMethod, match="does not serve /rest/block"):
                core.rest(f"block/{name}.bin")


def test_a_cookie_is_read_again_after_a_restart(tmp_path: Path) -> None:
    with litecoind(tmp_path / "node") as node:
        core = Core(Access(node.url, cookie=node.cookie), patience=QUICK)
        assert core.ask("getblockcount") == 0
        before = node.password
        node.restart()
        assert node.password != before
        assert core.ask("getblockcount") == 0


@pytest.mark.parametrize(
    ("url", "environment", "found"),
    [
        ("http://me:p%40ss@node:1", {}, Access("http://node:1", "me", "p@ss")),
        ("http://node:1?cookie=/data/.cookie", {}, Access("http://node:1", cookie=Path("/data/.cookie"))),
        ("http://node:1", {"TRACER_CORE_USER": "me", "TRACER_CORE_PASSWORD": "p"}, Access("http://node:1", "me", "p")),
        ("http://you:q@node:1", {"TRACER_CORE_USER": "me"}, Access("http://node:1", "you", "q")),
        ("https://node/v3", {"TRACER_AUTHORIZATION": "Bearer t"}, Access("https://node/v3", authorization="Bearer t")),
        ("http://node:1", {}, Access("http://node:1")),
        ("http://127.0.0.1:1", {}, Access("http://127.0.0.1:1", cookie=Path("home/.litecoin/regtest/.cookie"))),
    ],
    ids=["in the URL", "a cookie", "in the environment", "both", "a token", "nothing", "the usual cookie"],
)  # fmt: skip
def test_who_we_are_to_a_node(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str, environment: dict[str, str], found: Access
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("HOME", "home")
    usual = Path("home/.litecoin/regtest/.cookie")
    usual.parent.mkdir(parents=True)
    usual.write_text("__cookie__:1")
    assert access(url, "litecoin-regtest", environment) == found


def test_a_query_that_is_no_cookie_and_a_cookie_that_is_not_there_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"only \?cookie=PATH"):
        access("http://node:1?key=K3Y", "litecoin", {})
    with pytest.raises(SourceUnavailable, match=r"cookie file .*nothing cannot be read: No such file"):
        Core(access(f"http://127.0.0.1:1?cookie={tmp_path}/nothing", "litecoin", {})).ask("getblockcount")
