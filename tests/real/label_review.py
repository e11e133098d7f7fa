"""Why a published label does not hold: each reason of `labels_review.csv` as a check that anybody can repeat.

A label is set aside only where the transaction contradicts what the named protocol, or one owner's payment,
must look like. Rows are JSON as published: inputs [txid, vout, sat, script], outputs [sat, script].
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable, Mapping
from itertools import combinations
from pathlib import Path
from typing import Any

POOLS = (100_000, 1_000_000, 2_500_000, 5_000_000, 25_000_000, 50_000_000)
DUST = 2_730
Row = Mapping[str, Any]


def outputs(row: Row) -> list[tuple[int, str]]:
    """Those that can be spent."""
    return [(sat, script) for sat, script in row["outputs"] if not script.startswith("6a")]


def equal_value(row: Row) -> tuple[int, int]:
    """The most frequent output value and how often it stands; dust only where no other value is repeated."""
    counted = Counter(sat for sat, _ in outputs(row))
    return max(counted.items(), key=lambda pair: (pair[0] > DUST and pair[1] > 1, pair[1], pair[0]))


def mix_form(row: Row) -> bool:
    """No data output, as many inputs as outputs, every output exactly a pool's amount: a mix, no Tx0 or spend."""
    outs = outputs(row)
    return (
        len(outs) == len(row["outputs"]) == len(row["inputs"])
        and 5 <= len(outs) <= 10
        and {sat for sat, _ in outs} <= set(POOLS)
        and len({sat for sat, _ in outs}) == 1
        and all(sat >= outs[0][0] for _, _, sat, _ in row["inputs"])
    )


def change_explained(row: Row, steps: int = 1_500_000) -> bool:
    """Each output beside the equal ones, but one, is some inputs' sum less the equal value and a fee; none twice.

    Two must be explained at least: one alone fits some inputs by chance.

    BlockSci's "definite" CoinJoin, with its tolerance: 1 % of the equal value, or 10,000 sat where those are not
    worth more than a twentieth of it. The one left over is the taker's, who pays all fees, or the coordinator's.
    The inputs left fund the remaining equal outputs, with the same tolerance: coins of an earlier Wasabi round
    hold a little more or less than this round's base.
    """
    value, count = equal_value(row)
    change = sorted((sat for sat, _ in outputs(row) if sat != value), reverse=True)
    owners: Counter[str] = Counter()
    for _, _, sat, script in row["inputs"]:
        owners[script] += sat
    tolerance = max(value // 100, min(10_000, value // 20))
    tried = 0

    def search(at: int, left: list[int], skipped: int) -> bool:
        nonlocal tried
        if at == len(change):
            least = value - tolerance
            small = [sat for sat in left if sat < least]
            if len(change) - skipped < 2:
                return False
            return len(left) - len(small) + sum(small) // value >= count - (len(change) - skipped)
        for size in (1, 2, 3, 4):
            for chosen in combinations(range(len(left)), size):
                tried += 1
                if tried > steps:
                    return False
                if abs(sum(left[i] for i in chosen) - value - change[at]) <= tolerance:
                    rest = [sat for i, sat in enumerate(left) if i not in chosen]
                    if search(at + 1, rest, skipped):
                        return True
        return not skipped and search(at + 1, left, 1)

    return value > DUST and count >= 3 and search(0, sorted(owners.values(), reverse=True), 0)


def joinmarket_round(row: Row) -> bool:
    """One equal output for each participant, one change for each maker, each change explained."""
    _, count = equal_value(row)
    return len(outputs(row)) in (2 * count - 1, 2 * count) and change_explained(row)


def wasabi_round(row: Row) -> bool:
    """P2WPKH throughout, ten equal outputs or more of about 0.05 or 0.1 BTC, each change explained."""
    value, count = equal_value(row)
    scripts = [i[3] for i in row["inputs"]] + [o[1] for o in row["outputs"]]
    near = any(base * 850 <= value * 1000 <= base * 1100 for base in (5_000_000, 10_000_000))
    return near and count >= 10 and all(s.startswith("0014") for s in scripts) and change_explained(row)


def other_round(row: Row) -> bool:
    """Equal outputs of three or more, three explained change outputs or more; no known maker's numbers."""
    _, count = equal_value(row)
    return len(outputs(row)) - count >= 3 and change_explained(row)


def data_output(row: Row) -> bool:
    """JoinMarket builds outputs for participants only: none for data."""
    return any(script.startswith("6a") for _, script in row["outputs"])


def dust_amount(row: Row) -> bool:
    """No maker offers an amount of dust."""
    value, count = equal_value(row)
    return count >= 2 and value <= DUST


def address_returns(row: Row) -> bool:
    """Makers never take the amount on an address they spend from: at most the taker could."""
    value, _ = equal_value(row)
    spent = {script for _, _, _, script in row["inputs"]}
    return sum(sat == value and script in spent for sat, script in outputs(row)) >= 2


def address_twice(row: Row) -> bool:
    """Each participant has the amount once, on an address of his own: makers sign nothing else."""
    value, count = equal_value(row)
    return len({script for sat, script in outputs(row) if sat == value}) < count


def not_fundable(row: Row) -> bool:
    """Each participant funds the amount; these inputs, taken by address, cannot fund all."""
    value, count = equal_value(row)
    owners: Counter[str] = Counter()
    for _, _, sat, script in row["inputs"]:
        owners[script] += sat
    small = [sat for sat in owners.values() if sat < value]
    return len(owners) - len(small) + sum(small) // value < count


REASONS: Mapping[str, tuple[str, Callable[[Row], bool]]] = {
    "mix_form": ("whirlpool_mix", mix_form),
    "wasabi_round": ("wasabi1", wasabi_round),
    "joinmarket_round": ("joinmarket", joinmarket_round),
    "other_round": ("other_mix", other_round),
    "data_output": ("none", data_output),
    "dust_amount": ("none", dust_amount),
    "address_returns": ("none", address_returns),
    "address_twice": ("none", address_twice),
    "not_fundable": ("none", not_fundable),
}
"""Reason -> what the transaction is by ours, and the check that it holds."""


def reviewed() -> dict[str, tuple[str, str, str]]:
    """txid -> published label (several joined by +), ours, reason."""
    with Path(__file__).with_name("labels_review.csv").open(encoding="utf-8", newline="") as file:
        return {row["txid"]: (row["published"], row["ours"], row["reason"]) for row in csv.DictReader(file)}
