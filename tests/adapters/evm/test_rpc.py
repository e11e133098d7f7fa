"""Talking to a node: whatever a provider does on the way, all answers arrive, or one line says why not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from adapters.evm.anvil import Node
from adapters.evm.chains import chain_named
from adapters.evm.probe import Receipts, Traces, capabilities, traces
from adapters.evm.refusals import Call, NoState
from adapters.evm.rpc import Rpc
from adapters.http import FIRST_ATTEMPTS, NoMethod, Patience, Refused, seconds_asked, shown
from tests.nodes.anvil import anvil
from tests.nodes.proxy import (
    Asked,
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
from tracer.errors import SourceUnavailable, TracerError, UsageError

QUICK = Patience(attempts=4, first=0.01, longest=0.03, timeout=0.5)
CHAIN = chain_named("evm-31337")
BLOCKS = [Call("eth_getBlockByNumber", (hex(height), False), height) for height in range(40)]


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    with anvil(no_mining=True) as running:
        running.call("anvil_mine", hex(40))
        yield running


@pytest.fixture
def provider(node: Node) -> Iterator[Proxy]:
    with proxy(node.url) as running:
        yield running


def heights(bodies: list[bytes]) -> list[int]:
    """Which blocks were answered, in the order of their ids."""
    answers: list[Any] = []
    for body in bodies:
        answer = json.loads(body)
        answers += answer if isinstance(answer, list) else [answer]
    assert all(int(answer["result"]["number"], 16) == answer["id"] for answer in answers)
    return sorted(answer["id"] for answer in answers)


PASSING: dict[str, Fault] = {
    "429": Status(429),
    "429 with a wish": Status(429, retry_after="0.01"),
    "500": Status(500),
    "a web page": Says("<!DOCTYPE html><html>Bad gateway</html>"),
    "an empty body": Says(""),
    "JSON that is no JSON-RPC": Says("[1, 2]"),
    "half the bytes announced": Shortens(honest=True),
    "half the JSON": Shortens(honest=False),
    "no word at all": Drops(),
    "a limit in JSON-RPC's words": Refuses(-32005, "daily rate limit exceeded"),
    "answers left out": Changes(lambda answers: answers[:-1]),
}


@pytest.mark.parametrize("fault", PASSING.values(), ids=list(PASSING))
def test_what_passes_is_waited_for(provider: Proxy, fault: Fault) -> None:
    provider.script = first(2, fault)
    assert heights(Rpc(provider.url, patience=QUICK).raw(BLOCKS)) == list(range(40))


def test_a_late_answer_is_asked_for_in_smaller_parts(provider: Proxy) -> None:
    provider.script = lambda asked: Dawdles(0.8) if len(asked.calls) > 10 else None
    rpc = Rpc(provider.url, patience=QUICK)
    assert heights(rpc.raw(BLOCKS)) == list(range(40))
    assert rpc.batch == 10


@pytest.mark.parametrize(
    "fault",
    [
        Status(413),
        Status(400, body="batch of 40 requests exceeds the maximum"),
        Refuses(-32600, "batch limit 7 exceeded"),
        Refuses(-32000, "response size should not be greater than 150MB: too large"),
    ],
    ids=["413", "400", "batch limit", "response size"],
)
def test_batches_that_are_too_large_are_split(provider: Proxy, fault: Fault) -> None:
    provider.script = lambda asked: fault if len(asked.calls) > 7 else None
    rpc = Rpc(provider.url, patience=QUICK)
    assert heights(rpc.raw(BLOCKS)) == list(range(40))
    asked = len(provider.asked)
    assert heights(rpc.raw(BLOCKS)) == list(range(40))
    assert all(len(request.calls) <= 7 for request in provider.asked[asked:]), "it was not remembered"


def test_a_node_that_takes_no_batches_is_asked_one_by_one(provider: Proxy) -> None:
    provider.script = lambda asked: (
        Refuses(-32600, "batch requests are not supported") if len(asked.calls) > 1 else None
    )
    assert heights(Rpc(provider.url, patience=QUICK).raw(BLOCKS)) == list(range(40))


def test_answers_may_come_in_any_order(provider: Proxy) -> None:
    provider.script = always(Changes(lambda answers: answers[::-1]))
    assert heights(Rpc(provider.url, patience=QUICK).raw(BLOCKS)) == list(range(40))


LASTING: dict[str, tuple[Fault, str]] = {
    "401": (
        Status(401),
        "refuses us (HTTP 401): wrong or missing credentials. Put the whole URL into TRACER_SOURCE_",
    ),
    "403": (Status(403), "refuses us (HTTP 403)"),
    "404": (Status(404), "is no JSON-RPC endpoint (HTTP 404)"),
    "429": (Status(429, retry_after="soon"), "is too busy for us (HTTP 429); asked"),
    "503": (Status(503), "has a problem (HTTP 503); asked"),
    "a web page": (Says("<html>Log in</html>"), "answers with a web page in place of JSON"),
    "half the JSON": (Shortens(honest=False), "cuts its answers short"),
    "broken JSON": (Says('{"jsonrpc" "2.0"}'), "answers with broken JSON"),
    "brackets alone": (Says('{"result":' + "[" * 100_000 + "]" * 100_000 + "}"), "answers with broken JSON"),
    "half the bytes": (Shortens(honest=True), "breaks off its answers"),
    "silence": (Drops(), "cannot be reached"),
    "late": (Dawdles(0.8), "does not answer in time"),
}


@pytest.mark.parametrize(("fault", "words"), LASTING.values(), ids=list(LASTING))
def test_what_lasts_is_one_line_without_secrets(provider: Proxy, fault: Fault, words: str) -> None:
    provider.script = always(fault)
    url = provider.url.replace("http://", "http://watson:hunter2@") + "/v3/my-api-key?token=abc"
    rpc = Rpc(url, patience=QUICK)
    with pytest.raises(SourceUnavailable) as failure:
        rpc.ask("eth_chainId")
    said = str(failure.value)
    assert words in said
    assert said.startswith(f"127.0.0.1:{provider.url.rpartition(':')[2]} ")
    assert "\n" not in said
    assert failure.value.exit_code == 3
    assert failure.value.__suppress_context__, "the library's own error holds the URL"
    for secret in ("watson", "hunter2", "my-api-key", "abc"):
        assert secret not in said
    assert len(provider.asked) <= FIRST_ATTEMPTS


def test_a_port_where_nobody_listens(provider: Proxy) -> None:
    with proxy("http://127.0.0.1:9") as gone:
        pass
    with pytest.raises(
        SourceUnavailable, match=r"cannot be reached.*Is the URL right, and does the node run"
    ):
        Rpc(gone.url, patience=QUICK).ask("eth_chainId")


def test_credentials_go_to_the_node(provider: Proxy) -> None:
    Rpc(provider.url, authorization="Bearer x", patience=QUICK).ask("eth_chainId")
    Rpc(provider.url.replace("//", "//me:you@"), patience=QUICK).ask("eth_chainId")
    assert [asked.authorization for asked in provider.asked] == ["Bearer x", "Basic bWU6eW91"]


@pytest.mark.parametrize(
    ("code", "message", "kind"),
    [
        (-32601, "the method trace_block does not exist/is not available", NoMethod),
        (-32000, "Method not found", NoMethod),
        (-32600, "debug_traceBlockByNumber is not available on the Free tier - upgrade", NoMethod),
        (-32000, "missing trie node 5f3c (path )", NoState),
        (-32000, "required historical state unavailable (reexec=128)", NoState),
        (-32602, "invalid argument 0: hex string has length 3", Refused),
        (-32000, "missing trie node 3f1a (path ) state 0x12ab is not available, not found", NoState),
        (-32000, "historical state 12ab is not available", NoState),
        (-32000, "No state available for block 0x1", NoState),
        (-32000, "old data not available due to pruning", NoState),
        (-32000, "block 7 is not available", Refused),
        (-32000, "trace_block: block 7 is not available", Refused),
        (-32000, "header not found", Refused),
        (-32602, "invalid argument 0: hex string of odd length; upgrade", Refused),
    ],
)
def test_refusals_are_told_apart(provider: Proxy, code: int, message: str, kind: type[TracerError]) -> None:
    provider.script = always(Refuses(code, message))
    with pytest.raises(Refused) as failure:
        Rpc(provider.url, patience=QUICK).ask("trace_block", "0x1")
    assert type(failure.value) is kind
    assert len(provider.asked) == 1, "it was asked again in vain"


@pytest.mark.parametrize(
    "words", ["trace of block 7 is not available yet", "the range is not available, the node is syncing"]
)
def test_what_the_node_does_not_have_yet_is_waited_for(provider: Proxy, words: str) -> None:
    provider.script = first(2, Refuses(-32000, words))
    assert Rpc(provider.url, patience=QUICK).ask("eth_chainId") == "0x7a69"


@pytest.mark.parametrize(
    "words",
    [
        "bad request at {url}: no",
        "project my-api-key has no such plan",
        "see https://other.example/my-api-key?x=1 or http://me:hunter2@there/",
        "token abcdef is unknown, so is watson with hunter2",
    ],
)
def test_what_a_provider_says_loses_urls_and_keys(provider: Proxy, words: str) -> None:
    url = provider.url.replace("http://", "http://watson:hunter2@") + "/v3/my-api-key?token=abcdef"
    provider.script = always(Refuses(-32000, words.format(url=url)))
    with pytest.raises(Refused) as failure:
        Rpc(url, patience=QUICK).ask("eth_chainId")
    said = str(failure.value)
    assert words.partition(" ")[0] in said
    for secret in ("watson", "hunter2", "my-api-key", "abcdef", "other.example"):
        assert secret not in said


def test_an_error_inside_a_traces_text_is_no_refusal(provider: Proxy) -> None:
    def reverted(answers: list[dict[str, object]]) -> list[dict[str, object]]:
        return [answer | {"result": [{"error": "Reverted", "result": None}]} for answer in answers]

    provider.script = always(Changes(reverted))
    (body,) = Rpc(provider.url, patience=QUICK).raw([Call("trace_block", ("0x1",), 1)])
    assert json.loads(body)["result"] == [{"error": "Reverted", "result": None}]


@pytest.mark.parametrize(
    ("header", "seconds"),
    [(None, 0), ("", 0), ("7", 7), ("1.5", 1.5), ("-3", 0), ("900", 30), ("later", 0),
     ("Wed, 21 Oct 2015 07:28:00 GMT", 0), ("Wed, 21 Oct 2099 07:28:00 GMT", 30)],
)  # fmt: skip
def test_retry_after(header: str | None, seconds: float) -> None:
    assert seconds_asked(header, longest=30) == seconds


@pytest.mark.parametrize(
    "url", ["", "localhost:8545", "ftp://host", "http://", "http://host:port/x", "wss://a"]
)
def test_what_is_no_url_is_a_usage_error(url: str) -> None:
    with pytest.raises(UsageError, match="not of the form"):
        Rpc(url)


def test_hosts_are_shown_without_what_may_be_secret() -> None:
    assert shown("https://user:pass@node.example/v3/key?x=y", "evm") == "node.example"
    assert shown("http://[::1]:8545/key", "evm") == "::1:8545"


def test_capabilities_of_a_node(node: Node) -> None:
    found = capabilities(Rpc(node.url, patience=QUICK), CHAIN)
    assert found.client.startswith("anvil/")
    assert (found.chain_id, found.head, found.receipts) == (31337, 40, Receipts.BLOCK)
    assert found.traces == (Traces.BLOCK, Traces.DEBUG)
    assert found.shortcomings() == []


def test_capabilities_of_a_provider_that_offers_little(provider: Proxy) -> None:
    def stingy(asked: Asked) -> Fault | None:
        if len(asked.calls) > 5:
            return Status(413)
        if any(asked.has(method) for method in (*Traces, Receipts.BLOCK)):
            return Refuses(-32601, "the method does not exist")
        return None

    provider.script = stingy
    found = capabilities(Rpc(provider.url, patience=QUICK), CHAIN)
    assert (found.receipts, found.traces, found.batch) == (Receipts.TRANSACTION, (), 3)
    assert found.shortcomings() == [
        f"{found.host} offers neither trace_block nor debug_traceBlockByNumber: internal transfers are not read"
    ]


@pytest.mark.parametrize(
    "words",
    [
        "missing trie node 3f1a (path ) state 0x12ab is not available, not found",
        "historical state 12ab is not available",
        "No state available for block 0x28",
        "block not found",
        "genesis is not traceable",
    ],
)
def test_a_block_that_is_not_traced_does_not_switch_tracing_off(provider: Proxy, words: str) -> None:
    def forgetful(asked: Asked) -> Fault | None:
        return Refuses(-32000, words) if asked.has(Traces.BLOCK) else None

    provider.script = forgetful
    assert traces(Rpc(provider.url, patience=QUICK)) == (Traces.DEBUG, Traces.BLOCK)


def test_tracing_is_tried_at_the_newest_block_which_every_node_has(provider: Proxy) -> None:
    traces(Rpc(provider.url, patience=QUICK))
    calls = [call for request in provider.asked for call in request.calls]
    assert [call["params"][0] for call in calls if "trace" in call["method"]] == [hex(40)] * 2


def test_a_sync_does_not_have_a_block_executed_to_learn_of_a_second_way_to_trace(provider: Proxy) -> None:
    assert traces(Rpc(provider.url, patience=QUICK), every=False) == (Traces.BLOCK, Traces.DEBUG)
    calls = [call["method"] for request in provider.asked for call in request.calls]
    assert [method for method in calls if "trace" in method] == [Traces.BLOCK]


def test_a_node_of_another_chain_is_named(node: Node) -> None:
    with pytest.raises(
        SourceUnavailable, match=r"serves chain id 31337, but ethereum is chain id 1\..*Sync evm-31337"
    ):
        capabilities(Rpc(node.url, patience=QUICK), chain_named("ethereum"))
