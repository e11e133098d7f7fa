"""A custodian in a scenario: depositors, sweeps into a hot wallet, batched payouts. Nobody tags it.

custodian(depositors=60)  ->  rows; deposits go to `dep0`, `dep1`, ..., the hot wallet is `hot`
"""

from __future__ import annotations

from tests.scenarios.ledger import Tx

DEPOSIT = 1_000


def custodian(
    *,
    depositors: int = 60,
    batches: int = 5,
    payees: int = 6,
    per_sweep: int = 10,
    joined: bool = True,
    equal: bool = False,
    name: str = "",
) -> list[Tx]:
    """`joined`: each payout spends a deposit with the hot wallet's coins, so that all is one cluster.

    `equal`: payouts of one amount; `payees` of each payout, each to an address of its own.
    """
    rows, swept = [], []
    for i in range(depositors):
        rows += [
            Tx(f"{name}fund{i}", outs=[(f"{name}user{i}", 10 * DEPOSIT)]),
            Tx(
                f"{name}in{i}",
                ins=[f"{name}fund{i}:0"],
                outs=[(f"{name}dep{i}", DEPOSIT + i), (f"{name}user{i}c", 8 * DEPOSIT)],
            ),
        ]
    kept = batches if joined else 0
    for number, first in enumerate(range(kept, depositors, per_sweep)):
        taken = range(first, min(first + per_sweep, depositors))
        total = sum(DEPOSIT + i for i in taken)
        rows.append(
            Tx(
                f"{name}sweep{number}",
                ins=[f"{name}in{i}:0" for i in taken],
                outs=[(f"{name}hot", total)],
            )
        )
        swept.append((f"{name}sweep{number}:0", total))
    purse = list(swept)
    for number in range(batches):
        coin, value = purse.pop(0)
        ins = [coin]
        if joined:
            ins.append(f"{name}in{number}:0")
            value += DEPOSIT + number
        paid = [10 if equal else 10 + i for i in range(payees)]
        outs = [(f"{name}out{number}n{i}", units) for i, units in enumerate(paid)]
        rows.append(
            Tx(f"{name}pay{number}", ins=ins, outs=[*outs, (f"{name}hot", value - sum(paid))], day=1 + number)
        )
        purse.append((f"{name}pay{number}:{payees}", value - sum(paid)))
    return rows
