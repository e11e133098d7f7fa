"""Which of many names a ledger knows: the same as asking one by one, whatever stands between."""

from __future__ import annotations

from pathlib import Path

from tests.scenarios.case import CHAIN, Case
from tests.scenarios.ledger import Tx
from tracer.chain import AddressKey
from tracer.ledger.known import known_addresses, known_txids
from tracer.ledger.store import Ledger

ROWS = [
    Tx("sale", outs=[("ann", 10)]),
    Tx("pay", ins=["sale:0"], outs=[("bob", 7), ("ann", 3)]),
]


def test_addresses_and_transactions_that_were_read_are_known(tmp_path: Path) -> None:
    case = Case(tmp_path, ROWS)
    people = [CHAIN.parse_address(name) for name in ("zoe", "ann", "bob", "ann")]
    pay = CHAIN.hash_bytes(case.seed("pay:0").partition(":")[0])
    nearly = pay[:8] + bytes(24)  # the same 64-bit prefix
    with Ledger.open(case.workspace, CHAIN) as ledger:
        assert known_addresses(ledger, people) == [False, True, True, True]
        assert known_addresses(ledger, [AddressKey(people[1].kind + 1, people[1].payload)]) == [False]
        assert known_txids(ledger, [nearly, pay, bytes(32), pay]) == [False, True, False, True]
        assert known_addresses(ledger, []) == known_txids(ledger, []) == []
