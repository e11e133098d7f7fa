"""What the payers of a deposit address say of the account behind it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.scenarios.case import CHAIN, Case
from tests.scenarios.custodian import custodian
from tests.scenarios.ledger import Tx
from tracer.clustering.accounts import shapes
from tracer.clustering.pools import Thresholds
from tracer.ledger.store import Ledger


def shape(
    folder: Path, rows: list[Tx], *, services: tuple[str, ...] = (), pools: bool = False
) -> dict[str, Any]:
    """The row of the address `account`."""
    case = Case(folder, rows)
    with Ledger.open(case.workspace, CHAIN) as ledger:
        numbers = [ledger.find_address(CHAIN.parse_address(name)) for name in ("account", *services)]
        account, *known = [number for number in numbers if number is not None]
        found = shapes(ledger, [account], known, pools=Thresholds() if pools else None)
    (row,) = found.to_dicts()
    return dict(row)


def strangers(count: int, value: int = 100) -> list[Tx]:
    """So many people, each with a wallet of their own and change."""
    rows = []
    for i in range(count):
        rows += [
            Tx(f"fund{i}", outs=[(f"p{i}", 1_000)]),
            Tx(f"pay{i}", ins=[f"fund{i}:0"], outs=[("account", value), (f"p{i}c", 900 - value)]),
        ]
    return rows


def test_an_account_that_many_unrelated_people_pay_is_shared_like(tmp_path: Path) -> None:
    found = shape(tmp_path, strangers(25))
    assert (found["shape"], found["receipts"], found["strangers"]) == ("shared_like", 25, 25)
    assert shape(tmp_path / "fewer", strangers(24))["shape"] == "unknown"


def test_a_wallet_that_pays_from_its_change_is_one_sender(tmp_path: Path) -> None:
    """Each payment comes from the change of the last: by co-spend thirty clusters, by sense one person."""
    rows = [Tx("fund0", outs=[("c0", 10_000)])]
    for i in range(30):
        coin = f"pay{i - 1}:1" if i else "fund0:0"
        rows.append(Tx(f"pay{i}", ins=[coin], outs=[("account", 100), (f"c{i + 1}", 9_900 - 100 * i)]))
    found = shape(tmp_path, rows)
    assert (found["shape"], found["senders"], found["strangers"]) == ("single_like", 30, 1)


def test_wallets_emptied_into_an_account_are_no_strangers(tmp_path: Path) -> None:
    rows = []
    for i in range(30):
        rows += [
            Tx(f"fund{i}", outs=[(f"w{i}", 100)]),
            Tx(f"move{i}", ins=[f"fund{i}:0"], outs=[("account", 90)]),
        ]
    found = shape(tmp_path, rows)
    assert (found["shape"], found["senders"], found["strangers"]) == ("unknown", 30, 0)


def test_one_payer_of_nearly_all_is_single_like(tmp_path: Path) -> None:
    rows = [*strangers(2, value=10)]
    rows += [
        Tx("fundbig", outs=[("big", 10_000)]),
        Tx("paybig", ins=["fundbig:0"], outs=[("account", 9_000), ("bigc", 900)]),
    ]
    assert shape(tmp_path, rows)["shape"] == "single_like"


def test_two_payments_say_nothing(tmp_path: Path) -> None:
    found = shape(tmp_path, strangers(2))
    assert (found["shape"], found["receipts"]) == ("unknown", None)


def test_an_account_into_which_a_service_sweeps_is_nested(tmp_path: Path) -> None:
    rows = custodian(joined=False)
    coins = [row for row in rows if row.name == "pay4"]
    assert coins
    units = coins[0].outs[-1][1]
    rows += [Tx("split", ins=["pay4:6"], outs=[("hot", units // 3)] * 3, day=9)]
    rows += [Tx(f"up{i}", ins=[f"split:{i}"], outs=[("account", units // 3)], day=10) for i in range(3)]
    told = shape(tmp_path / "told", rows, services=("hot",))
    assert (told["shape"], told["swept"]) == ("nested", 3)
    assert told["from_services"] == told["value"]
    assert shape(tmp_path / "seen", rows, pools=True)["shape"] == "nested"
    assert shape(tmp_path / "neither", rows)["shape"] == "single_like"
