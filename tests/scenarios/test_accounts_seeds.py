"""Seeds on account chains that lie inside something: a swap, a wrap, a transaction that passes money on at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.scenarios.account_case import AccountCase, tag
from tests.scenarios.accounts import Block, Move, Row, Tx, shown
from tracer.chain import TransferKind
from tracer.errors import UsageError

TAGS = [tag("hot", "acme", role="hot"), tag("pool", "uni", category="defi_dex")]
FUNDED: list[Row] = [Block(rewards=[("victim", 10)])]
SWAPPED: list[Row] = [
    *FUNDED,
    Tx("swap", "victim", to="pool", value=10, moves=[Move("pool", "thief", 7, "USDT")]),
    Tx("exit", "thief", moves=[Move("thief", "hot", 7, "USDT")]),
]
GAVE = {"ETH": {"seed": 10, "converted_out": 10}, "USDT": {"converted_in": 7, "services": 7}}
GOT = {"USDT": {"seed": 7, "services": 7}}


@pytest.mark.parametrize(
    ("seeds", "totals"),
    [
        (("swap:0",), GAVE), (("swap@pool",), GAVE), (("swap:*",), GAVE), (("swap:0", "thief"), GAVE),
        (("swap:1",), GOT), (("swap@thief",), GOT), (("thief",), GOT), (("swap:1", "thief"), GOT),
    ],
)  # fmt: skip
def test_a_transfer_inside_a_swap_is_a_side_of_it(
    tmp_path: Path, seeds: tuple[str, ...], totals: dict[str, dict[str, int]]
) -> None:
    """What was given becomes what came out; both named are the same money, not twice as much."""
    found = AccountCase(tmp_path, SWAPPED, tags=TAGS).trace(*seeds)
    assert found.totals == totals
    assert found.endpoints == {("acme", "USDT"): 7}


@pytest.mark.parametrize(
    ("seed", "totals"),
    [
        ("swap:0", {"ETH": {"seed": 10, "minted": 10}}),
        ("swap:1", {"ETH": {"converted_in": 10, "minted": 10}, "USDT": {"seed": 7, "converted_out": 7}}),
        ("swap:*", {"ETH": {"converted_in": 10, "minted": 10}, "USDT": {"seed": 7, "converted_out": 7}}),
    ],
)
def test_backward_a_side_leads_to_what_was_given(
    tmp_path: Path, seed: str, totals: dict[str, dict[str, int]]
) -> None:
    found = AccountCase(tmp_path, SWAPPED, tags=TAGS).trace(seed, direction="backward")
    assert found.totals == totals


ROUTED: list[Row] = [
    Tx("fund", "bank", moves=[Move(None, "victim", 100, "USDT"), Move(None, "pool", 500, "DAI")]),
    Tx(
        "swap", "victim", to="router",
        moves=[
            Move("victim", "router", 60, "USDT"), Move("victim", "router", 40, "USDT"),
            Move("router", "pool", 100, "USDT"), Move("pool", "victim", 10, "USDT"), Move("pool", "thief", 180, "DAI"),
        ],
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("seed", "given"),
    [("swap:0", 60), ("swap:1", 40), ("swap:2", 90), ("swap:*", 90), ("swap@router", 90)],
)
def test_of_a_swap_only_the_named_units_are_given(tmp_path: Path, seed: str, given: int) -> None:
    """90 were swapped, as 10 came back; a lot is so many of them as it has."""
    found = AccountCase(tmp_path, ROUTED, tags=TAGS).trace(seed, method="haircut")
    assert found.totals == {
        "DAI": {"converted_in": 2 * given, "unspent": 2 * given},
        "USDT": {"seed": given, "converted_out": given},
    }


@pytest.mark.parametrize("seeds", [("swap:3",), ("swap:0", "swap:2", "swap:3")])
def test_a_transfer_that_is_no_part_to_be_told_is_refused(tmp_path: Path, seeds: tuple[str, ...]) -> None:
    """Change that came back, or steps of the same way that may be the same money twice; the hint works."""
    case = AccountCase(tmp_path, ROUTED, tags=TAGS)
    with pytest.raises(
        UsageError, match=r"part of a conversion, of what victim gave into what thief got"
    ) as refused:
        case.trace(*seeds)
    assert refused.value.hint == f"Seed what came out of it: {shown('swap')}@thief"
    assert case.trace("swap@thief").totals == {"DAI": {"seed": 180, "unspent": 180}}


@pytest.mark.parametrize(
    ("seed", "totals"),
    [
        ("wrap:0", {"ETH": {"seed": 10, "converted_out": 10}, "WETH": {"converted_in": 10, "services": 10}}),
        ("wrap:1", {"WETH": {"seed": 10, "services": 10}}),
        ("wrap:*", {"ETH": {"seed": 10, "converted_out": 10}, "WETH": {"converted_in": 10, "services": 10}}),
    ],
)
def test_a_transfer_inside_a_wrap_is_a_side_of_it(
    tmp_path: Path, seed: str, totals: dict[str, dict[str, int]]
) -> None:
    rows: list[Row] = [
        *FUNDED,
        Tx(
            "wrap", "victim", to="WETH", value=10, moves=[Move(None, "victim", 10, "WETH", TransferKind.WRAP)]
        ),
        Tx("exit", "victim", moves=[Move("victim", "hot", 10, "WETH")]),
    ]
    assert AccountCase(tmp_path, rows, tags=TAGS).trace(seed).totals == totals


DRAINED: list[Row] = [
    *FUNDED,
    Tx(
        "drain", "victim", to="drainer", value=10,
        moves=[Move("drainer", "thief", 8), Move("drainer", "partner", 2)],
    ),
    Tx("exit", "thief", to="hot", value=8),
]  # fmt: skip


@pytest.mark.parametrize("seed", ["drain:0", "drain@drainer", "drainer"])
def test_who_passes_on_at_once_is_seeded_with_what_came(tmp_path: Path, seed: str) -> None:
    """A drainer's contract holds nothing after the transaction; what came to it is the victim's all the same."""
    case = AccountCase(tmp_path, DRAINED, tags=TAGS)
    assert case.trace(seed).totals == {"ETH": {"seed": 10, "services": 8, "unspent": 2}}
    assert case.trace(seed, direction="backward").totals == {"ETH": {"seed": 10, "minted": 10}}


def test_an_entity_that_passes_on_at_once_is_seeded_with_what_left(tmp_path: Path) -> None:
    found = AccountCase(tmp_path, DRAINED, tags=TAGS).trace("drainer", unit="entity")
    assert found.totals == {"ETH": {"seed": 10, "services": 8, "unspent": 2}}


@pytest.mark.parametrize(("unit", "seeded"), [("lot", 11), ("entity", 7)])
def test_change_that_comes_back_is_neither_arrival_nor_payment(
    tmp_path: Path, unit: str, seeded: int
) -> None:
    """10 out, 3 back: 7 left. 1 came before anything was sent, and 10 in an earlier block: these did arrive."""
    moves = [Move("friend", "payer", 1), Move("payer", "shop", 10), Move("shop", "payer", 3)]
    rows: list[Row] = [Block(rewards=[("payer", 10), ("friend", 1)]), Tx("pay", "payer", moves=moves)]
    found = AccountCase(tmp_path, rows).trace("payer", unit=unit)
    assert found.totals["ETH"]["seed"] == seeded


@pytest.mark.parametrize(
    ("tx", "says"),
    [
        (Tx("no", "victim", to="thief", value=5, fee=1, failed=True), "failed: it moved nothing but its fee"),
        (Tx("no", "victim", to="thief", fee=1), "moved nothing but its fee"),
    ],
)
@pytest.mark.parametrize("rest", ["", ":0", ":*", "@thief"])
def test_a_transaction_that_moved_nothing_was_seen(tmp_path: Path, tx: Tx, says: str, rest: str) -> None:
    case = AccountCase(tmp_path, [*FUNDED, tx, Tx("later", "victim", to="thief", value=1)])
    with pytest.raises(UsageError, match=rf"transaction {shown('no')} \(block 1\) {says}"):
        case.trace(f"no{rest}")


def test_a_place_no_transaction_has_is_one_of_transfers(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot have that many transfers"):
        AccountCase(tmp_path, SWAPPED).trace("swap:99999999999")
