"""What an answer on an account chain names: the one transfer that a service can look up, or that there is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.scenarios.account_case import AccountCase, AccountFound
from tests.scenarios.accounts import Block, Event, Move, Opening, Row, Token, Tx
from tests.scenarios.test_accounts_swaps import ACME, BELIEVED, SWAPPED, crowd, thief, trade
from tracer.chain import TransferKind
from tracer.evidence.request import read

GREAT = 10**30
"""From here on amounts are no customer's."""


def swap(who: str, *moves: Move) -> Tx:
    return Tx("swap", who, to="router", moves=moves, events=[Event("pool", SWAPPED.topic)])


class TestASwapAtAService:
    """A conversion is netted: only where a party moved the asset by one transfer alone does that one stand for it."""

    @pytest.mark.parametrize(
        ("paid", "leg"),
        [
            ([("pool", "hot", 150)], "swap:1"),
            ([("pool", "hot", 100), ("pool", "hot", 50)], "swap:None"),
            ([("pool", "hot", 160), ("hot", "pool", 10)], "swap:None"),
        ],
        ids=["one transfer", "two transfers", "a refund"],
    )
    def test_what_came_by_several_transfers_is_no_one_of_them(
        self, tmp_path: Path, paid: list[tuple[str, str, int]], leg: str
    ) -> None:
        rows: list[Row] = [
            *crowd(),
            swap("thief", Move("thief", "pool", 60, "USDT"), *(Move(a, b, n, "DAI") for a, b, n in paid)),
        ]
        case = AccountCase(tmp_path, rows, tags=[ACME], told=BELIEVED)
        found = case.trace(f"fund:{thief(rows)}", edges=True)
        assert found.legs == [("acme", "hot", "hot", leg, 150, 150)]
        (edge,) = [edge for edge in found.document["graph"]["edges"] if edge["kind"] == "swap"]
        assert f"swap:{edge['transfer_index']}" == leg

    def test_backward_a_service_that_swaps_paid_the_pool_and_not_the_buyer(self, tmp_path: Path) -> None:
        rows: list[Row] = [
            *crowd(),
            Tx("cash", "bank", moves=[Move(None, "hot", 60, "USDT")]),
            swap("hot", Move("hot", "pool", 60, "USDT"), Move("pool", "buyer", 150, "DAI")),
        ]
        case = AccountCase(tmp_path, rows, tags=[ACME], told=BELIEVED)
        whole = case.documents("buyer", direction="backward", methods=("fifo",))
        found = AccountFound(whole, case.names)
        assert found.legs == [("acme", "withdrawal", "pool", "swap:0", 60, 60)]
        assert found.document["endpoints"][0]["legs"][0]["role_basis"] == "from hot (tag)"
        (request,) = read(whole).requests
        assert [(leg.address, leg.transfer_index, leg.asset) for leg in request.legs] == [("pool", 0, "USDT")]

    def test_what_was_bought_for_the_seed_is_received_once(self, tmp_path: Path) -> None:
        rows: list[Row] = [*crowd(), trade("swap", "trader0", 5, 150, to="seller")]
        summary = (
            AccountCase(tmp_path, rows, tags=[ACME], told=BELIEVED).trace("seller").document["seed_summary"]
        )
        received = {name: summary[name]["base_units"] for name in ("gross_received", "internal")}
        assert received == {"gross_received": "150", "internal": "0"}


class TestADepositAccountKeptLittle:
    """Else it is its owner's own, and what came to it may be there still."""

    @pytest.mark.parametrize("came", [GREAT, GREAT // 10])
    def test_amounts_that_no_customer_has_count(self, tmp_path: Path, came: int) -> None:
        rows: list[Row] = [
            Tx("mint", "bank", moves=[Move(None, "thief", came, "SHIB")]),
            Tx("pay", "thief", moves=[Move("thief", "bob", came, "SHIB")]),
            Tx("on", "bob", moves=[Move("bob", "hot", came // 1000, "SHIB")]),
        ]
        found = AccountCase(tmp_path, rows, tags=[ACME], told=[Token("SHIB", genuine=True)]).trace("mint:0")
        assert [(leg[1], leg[3]) for leg in found.legs] == [("hot", "on:0")]

    def test_what_nobody_could_read_may_be_there_still(self, tmp_path: Path) -> None:
        rows: list[Row] = [
            Tx("spam", "bank", moves=[Move(None, "bob", 10**39, "SHIB"), Move(None, "thief", 50, "SHIB")]),
            Tx("pay", "thief", moves=[Move("thief", "bob", 50, "SHIB")]),
            Tx("on", "bob", moves=[Move("bob", "hot", 50, "SHIB")]),
        ]
        found = AccountCase(tmp_path, rows, tags=[ACME]).trace("spam:1")
        assert found.totals == {"SHIB": {"seed": 50, "unread": 50}}

    @pytest.mark.parametrize(
        ("before", "role", "guessed"),
        [(1000, None, False), (0, "deposit", False), (None, "deposit", True)],
        ids=["it held much", "it held nothing", "nobody told"],
    )
    def test_what_it_held_before_the_first_block_counts(
        self, tmp_path: Path, before: int | None, role: str | None, guessed: bool
    ) -> None:
        rows: list[Row] = [Tx("pay", "thief", to="bob", value=10), Tx("on", "bob", to="hot", value=10)]
        told = [
            Opening("thief", 10, height=4),
            *([] if before is None else [Opening("bob", before, height=4)]),
        ]
        found = AccountCase(tmp_path, rows, tags=[ACME], first=5, balances=told).trace("pay:0")
        assert [leg[1] for leg in found.legs] == ([role] if role else [])
        assert ("held before the first block that was read is not known" in found.notes) is guessed


@pytest.mark.parametrize("method", ["fifo", "haircut", "poison"])
def test_what_one_seed_left_unread_is_not_what_another_enters_by(tmp_path: Path, method: str) -> None:
    """Two unwrap in blocks whose calls were not read: each keeps what it is, and the graph has both."""
    rows: list[Row] = [
        Block(rewards=[("ann", 100)]),
        Tx("wrap", "ann", to="WETH", value=50, moves=[Move(None, "ann", 50, "WETH", TransferKind.WRAP)]),
        Tx("give", "ann", moves=[Move("ann", "bob", 20, "WETH")]),
        Tx("first", "ann", to="WETH", moves=[Move("ann", None, 5, "WETH", TransferKind.UNWRAP)]),
        Tx("second", "bob", to="WETH", moves=[Move("bob", None, 7, "WETH", TransferKind.UNWRAP)]),
    ]
    case = AccountCase(tmp_path, rows, untraced=[3, 4])
    found = case.trace("first:0", "second:0", method=method, edges=True)
    assert found.totals == {"WETH": {"seed": 12, "unread": 12}}
    assert sorted(edge["amount"] for edge in found.document["graph"]["edges"]) == ["5", "7"]
