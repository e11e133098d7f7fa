"""Requests about account traces and traces over bridges: what a service needs to find a payment, chain by chain."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.scenarios import across
from tests.scenarios.account_case import AccountCase, tag
from tests.scenarios.accounts import Block, Move, Row, Token, Tx
from tests.scenarios.across import FAR, NEAR, Across, arrive, born, leave
from tracer.errors import DataError
from tracer.evidence.asked import Request, Requests
from tracer.evidence.letter import COLUMNS, Heading, letter, rows
from tracer.evidence.request import read

HEADING = Heading(("preserve",))
USDT = "eip155:31337/erc20:USDT"
CASHED: list[Row] = [
    Block(rewards=[("thief", 900)]),
    Tx("steal", "bank", moves=[Move(None, "thief", 90, "USDT")]),
    Tx("both", "thief", moves=[Move("thief", "mule", 5, "USDT"), Move("thief", "hot", 60, "USDT")]),
    Tx("coins", "thief", to="hot", value=700),
]


def table(made: Requests, request: Request) -> list[dict[str, str]]:
    return [dict(zip(COLUMNS, row, strict=True)) for row in rows(made, request, HEADING)]


def asked(document: dict[str, Any], party: str = "acme") -> tuple[Requests, Request]:
    made = read(document)
    (request,) = made.choose(party)
    return made, request


def test_a_payment_of_a_token_is_named_by_its_transfer_and_its_contract(tmp_path: Path) -> None:
    """Two payments of one service in two assets are one letter; the name of a token is not enough."""
    case = AccountCase(tmp_path, CASHED, tags=[tag("hot", "acme", role="hot")], told=[Token("USDT", 6)])
    made, request = asked(case.documents("thief"))
    assert [
        (case.names[r["txid"]], r["vout"], r["transfer_index"], r["asset"], r["asset_id"], r["amount"])
        for r in table(made, request)
    ] == [
        ("both", "", "1", "USDT", USDT, "0.000060"),
        ("coins", "", "0", "ETH", "eip155:31337/native", "0.000000000000000700"),
    ]
    lines = letter(made, request, HEADING, "table.csv").splitlines()
    assert [line.strip() for line in lines].count(USDT) == 1
    assert "      transfer 1 of transaction, in block 2:" in lines


def test_a_service_that_several_methods_find_in_some_asset_is_no_lead(tmp_path: Path) -> None:
    """The trace compares each asset for itself; who is found by one convention in one of them is found by others."""
    case = AccountCase(tmp_path, CASHED, tags=[tag("hot", "acme", role="hot")], told=[Token("USDT", 6)])
    document = case.documents("thief")
    alone = [row for row in document["comparison"] if row["asset_id"] != USDT]
    assert len(alone) == 1
    alone[0]["only_in"] = "fifo"
    assert len(asked(document)[1].legs) == 2


BOTH: dict[str, Sequence[Row]] = {
    NEAR: [
        born(thief=90),
        Tx("first", "thief", moves=[Move("thief", "hot", 10, "USD")]),
        leave("out", "thief", 7, 80, "mule"),
    ],
    FAR: [
        born(relayer=500),
        arrive("in", 7, 72, "mule"),
        Tx("exit", "mule", moves=[Move("mule", "hot", 60, "USD"), Move("mule", "other", 5, "USD")]),
    ],
}


@pytest.fixture(scope="module")
def bridged(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    tags = [across.tag(NEAR, "hot", "acme"), across.tag(FAR, "hot", "acme"), across.tag(FAR, "other", "zeta")]
    case = Across(tmp_path_factory.mktemp("bridged"), BOTH, tags=tags, told=[Token("USD", 6)])
    return case.document(NEAR, "thief", unit="lot")


def test_payments_on_several_chains_say_on_which_each_is(bridged: dict[str, Any]) -> None:
    made, request = asked(bridged)
    assert [
        (r["chain"], r["caip2"], r["asset_id"], r["amount_base_units"]) for r in table(made, request)
    ] == [
        (NEAR, "eip155:31337", "eip155:31337/erc20:USD", "10"),
        (FAR, "eip155:31338", "eip155:31338/erc20:USD", "60"),
    ]
    text = letter(made, request, HEADING, "table.csv")
    for line in ("Chain:        evm-31337", "Chain:        evm-31338", f"      on {FAR},"):
        assert line in text.splitlines()


def test_a_service_is_told_of_the_chains_of_its_payments_alone(bridged: dict[str, Any]) -> None:
    """That the money came over a bridge is no business of whom it reached."""
    made, request = asked(bridged, "zeta")
    assert [tip.chain for tip in made.of(request)] == [FAR]
    text = letter(made, request, HEADING, "table.csv") + str(table(made, request))
    for word in (NEAR, "31337", "across", "bridge"):
        assert word not in text


def test_a_payment_on_a_chain_that_the_trace_does_not_name_is_damage(bridged: dict[str, Any]) -> None:
    document = {**bridged, "documents": [{**doc, "as_of": doc["as_of"][:1]} for doc in bridged["documents"]]}
    with pytest.raises(DataError, match="chain is not one of those of the trace"):
        read(document)
