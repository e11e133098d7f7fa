"""Deposits of the last days as subjects: what came from outside, each transfer once, and nothing moved inside."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.scenarios import account_case, accounts, case
from tests.scenarios.ledger import DAY, GENESIS_TIME
from tests.scenarios.ledger import Tx as Output
from tracer.errors import UsageError
from tracer.ledger.store import Ledger
from tracer.screening.deposits import deposits

OUTPUTS = [
    Output("old", outs=[("hot", 5)]),
    Output("fund", outs=[("ann", 10)], day=10),
    Output("twice", ins=["fund:0"], outs=[("hot", 4), ("cold", 3), ("ann", 3)], day=10),
    Output("inside", ins=["twice:0"], outs=[("cold", 4)], day=11),
    Output("away", ins=["twice:2"], outs=[("bob", 3)], day=11),
]


def found(folder: Path, holder: str, after: int, before: int) -> list[str]:
    """Deposits by scenario name."""
    tags = [case.tag("hot", "acme", role="hot"), case.tag("cold", "acme", role="hot")]
    played = case.Case(folder, OUTPUTS, tags=tags, vasps=[case.vasp("acme", "full")])
    with Ledger.open(played.workspace, case.CHAIN) as ledger:
        subjects = deposits(ledger, played.snapshot, holder, after, before)
    assert all(
        (one.kind, one.direction, one.transfer_index) == ("transfer", "inbound", None) for one in subjects
    )
    return [f"{played.names[one.txid or '']}:{one.vout}" for one in subjects]


@pytest.mark.parametrize(
    ("holder", "first", "last", "named"),
    [
        ("vasp:acme", 0, 99, ["old:0", "twice:0", "twice:1"]),
        ("vasp:acme", 5, 99, ["twice:0", "twice:1"]),
        ("vasp:acme", 0, 5, ["old:0"]),
        ("vasp:acme", 12, 99, []),
        ("hot", 0, 99, ["old:0", "twice:0"]),
        ("bob", 0, 99, ["away:0"]),
    ],
)
def test_outputs(tmp_path: Path, holder: str, first: int, last: int, named: list[str]) -> None:
    assert found(tmp_path, holder, GENESIS_TIME + first * DAY, GENESIS_TIME + last * DAY) == named


def test_a_holder_nobody_knows_is_unseen_not_without_deposits(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="unseen"):
        found(tmp_path, "vasp:nobody", 0, 1 << 40)


def test_transfers(tmp_path: Path) -> None:
    rows: list[accounts.Row] = [
        accounts.Block(rewards=[("ann", 10)]),
        accounts.Tx("pay", "ann", to="hot", value=4, fee=1),
        accounts.Tx(
            "token",
            "bank",
            moves=[accounts.Move("ann", "hot", 7, "USDT"), accounts.Move("ann", "bob", 1, "USDT")],
        ),
        accounts.Tx("inside", "hot", to="cold", value=2),
        accounts.Tx("nothing", "ann", to="hot", value=0),
    ]
    tags = [account_case.tag("hot", "acme", role="hot"), account_case.tag("cold", "acme", role="hot")]
    played = account_case.AccountCase(tmp_path, rows, tags=tags)
    with Ledger.open(played.workspace, accounts.CHAIN) as ledger:
        subjects = deposits(ledger, played.snapshot, "vasp:acme", 0, 1 << 40)
    named = {accounts.shown(row.name): row.name for row in rows if isinstance(row, accounts.Tx)}
    assert [(named[one.txid or ""], one.vout) for one in subjects] == [("pay", None), ("token", None)]
    assert [one.transfer_index for one in subjects] == [0, 0]
