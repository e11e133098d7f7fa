"""Single payments through which traced money reached a service, or came from it: what a request can name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tracer.amounts import largest_remainder
from tracer.flow.kernels.shared import SPENT
from tracer.flow.movements import Taint
from tracer.flow.question import utc

if TYPE_CHECKING:
    from tracer.flow.facts import Facts


@dataclass(frozen=True)
class Payment:
    """An output as a service knows it: forward what it received, backward what it paid out.

    place  index in the trail; -1 for a receipt of a set that is seeded as what it was paid from
    units  what of it is traced, base units; of a payout, from whomever
    """

    tx_id: int
    vout: int
    address: int
    value: int
    place: int
    units: int


@dataclass(frozen=True)
class Leg:
    """One payment. Forward it is one output to the service.

    Backward it is one payout: the service may have put several outputs into its transaction, `outputs`, the
    largest first, and paid several people by it; what came from the service is divided over these by what is
    traced to each.
    """

    outputs: tuple[int, ...]
    role: str
    basis: str
    amount: int
    payment: Payment

    @property
    def output(self) -> int:
        """The output that met the service; of several, the one most was traced to."""
        return self.outputs[0]


def legs_of(facts: Facts, taint: Taint, outputs: Sequence[int]) -> list[Leg]:
    """The legs of one endpoint, which these outputs make up; largest first, then by address and outpoint."""
    if facts.trail.backward and facts.trail.asset is None:
        found = [leg for ends in _by_movement(facts, outputs) for leg in _payouts(facts, taint, ends)]
    else:
        found = [_receipt(facts, taint, output) for output in outputs]
    return sorted(found, key=lambda leg: leg_order(facts, leg))


def leg_order(facts: Facts, leg: Leg) -> tuple[int, str, str, int]:
    """Largest first; then as documents name it."""
    paid = leg.payment
    return -leg.amount, facts.addresses.get(paid.address, ""), facts.txids[paid.tx_id], paid.vout


def _receipt(facts: Facts, taint: Taint, output: int) -> Leg:
    role, basis = role_of(facts, output)
    units = int(taint.amount[output])
    return Leg((output,), role, basis, units, _payment(facts, output, units))


def _by_movement(facts: Facts, outputs: Sequence[int]) -> list[list[int]]:
    """What a service put into each transaction."""
    found: dict[int, list[int]] = {}
    for output in outputs:
        found.setdefault(int(facts.trail.out_tx[output]), []).append(output)
    return [found[movement] for movement in sorted(found)]


def _payouts(facts: Facts, taint: Taint, ends: Sequence[int]) -> list[Leg]:
    """The payouts of one transaction that carry traced money; their legs add up to what is traced to the service."""
    trail = facts.trail
    outputs = tuple(sorted(ends, key=lambda o: (-int(taint.amount[o]), facts.outpoint(o))))
    came = sum(int(taint.amount[o]) for o in outputs)
    paid = _paid(facts, taint, int(trail.out_tx[outputs[0]]))
    role, basis = role_of(facts, outputs[0])
    parts = [payment.units for payment in paid]
    if came <= sum(parts):  # poison marks more than was paid: a payout then counts for what is marked of it
        parts = largest_remainder(came, parts)
    return [Leg(outputs, role, basis, part, to) for to, part in zip(paid, parts, strict=True) if part]


def _paid(facts: Facts, taint: Taint, movement: int) -> list[Payment]:
    """Outputs of a transaction gone back through to which money is traced, in vout order."""
    trail, m = facts.trail, facts.trail.movements
    found: dict[int, Payment] = {}
    for place in m.in_ref[m.in_start[movement] : m.in_start[movement + 1]].tolist():
        if place >= 0 and taint.amount[place] > 0 and taint.fate[place] == SPENT:
            found[int(trail.vout[place])] = _payment(facts, place, int(taint.amount[place]))
    if facts.arrived is not None:
        here = facts.arrived["tx_id"] == int(trail.tx_id[movement])
        for row in facts.arrived.filter(here).iter_rows(named=True):
            carried = found.get(row["vout"])
            units = row["units"] + (carried.units if carried else 0)
            place = carried.place if carried else -1
            found[row["vout"]] = Payment(
                row["tx_id"], row["vout"], row["address_id"], row["value"], place, min(units, row["value"])
            )
    return [found[vout] for vout in sorted(found)]


def _payment(facts: Facts, output: int, units: int) -> Payment:
    trail = facts.trail
    value = int(trail.movements.out_value[output])
    address = trail.address if trail.paid_to is None else trail.paid_to
    return Payment(
        int(trail.point[output]), int(trail.vout[output]), int(address[output]), value, output, units
    )


def role_of(facts: Facts, output: int) -> tuple[str, str]:
    """What the address is to the service, and why we say so."""
    trail = facts.trail
    hot, holding = int(trail.swept_to[output]), facts.services.holding(int(trail.holding[output]))
    if trail.backward:
        known = "in the service's co-spend cluster" if holding.whole_cluster else "tag"
        return "withdrawal", f"from {facts.address(output)} ({known})"
    if hot >= 0:
        sweep = facts.txids[int(trail.beyond[output])]
        known = " (the service's by cluster)" if holding.whole_cluster else ""
        return "deposit", f"swept to hot wallet {facts.addresses[hot]}{known} by {sweep}"
    if holding.whole_cluster:
        return "deposit", "in the service's co-spend cluster"
    if holding.role in ("hot", "deposit"):
        return holding.role, "tag"
    return "unknown", f"tagged {holding.role}" if holding.role else "tag"


def leg_row(facts: Facts, taint: Taint, leg: Leg) -> dict[str, Any]:
    """A leg as documents show it."""
    trail, o, paid = facts.trail, leg.output, leg.payment
    way = path(facts, taint, leg)
    index = None if trail.shown is None or trail.shown[o] < 0 else int(trail.shown[o])
    logged = None if index is None else facts.logs.get((paid.tx_id, index))
    of_accounts = {} if trail.asset is None else {"log_index": logged}
    return {
        "role": leg.role,
        "role_basis": leg.basis,
        "account_shape": facts.accounts.get(int(trail.address[o])) if leg.role == "deposit" else None,
        "address": facts.addresses.get(paid.address),
        "txid": facts.txids[paid.tx_id],
        "vout": paid.vout if trail.asset is None else None,
        "transfer_index": index,
        "height": int(trail.met[o]) >> 24,
        "time": utc(int(trail.time[o])),
        "amount_onchain": facts.amount(paid.value, o),
        "amount_traced": facts.amount(leg.amount, o),
        "hops": int(taint.hop[o]),
        "path": [facts.txids[tx_id] for tx_id in way],
        **of_accounts,
    }


def path(facts: Facts, taint: Taint, leg: Leg) -> list[int]:
    """The transactions between a seed and a leg, by the shortest way its traced money came, in the order of time.

    Under FIFO that way can be longer than the `hops` of the leg: these count from the nearest seed whose money
    entered the same transactions, as --hops does.
    """
    trail = facts.trail
    if trail.asset is not None:
        return _through_accounts(facts, taint, leg.output)
    if trail.backward:
        steps, output = [int(trail.met[leg.output])], leg.payment.place
    else:
        steps, output = [], leg.output
    while output >= 0:
        # a lot gone back from was made by the last transaction of the way already
        if not (trail.backward and facts.seeding.fixed[output] and taint.seeded[output]):
            steps.append(int(trail.met[output]))
        if taint.seeded[output]:
            break
        output = int(taint.via[output])
    return steps if trail.backward else steps[::-1]


def _through_accounts(facts: Facts, taint: Taint, transfer: int) -> list[int]:
    """The same on an account chain, where a transfer is brought by a transfer; both sides of a swap are one step."""
    steps: list[int] = []
    while transfer >= 0:
        tx_id = int(facts.trail.met[transfer])
        if steps[-1:] != [tx_id]:
            steps.append(tx_id)
        transfer = -1 if taint.seeded[transfer] else int(taint.via[transfer])
    return steps if facts.trail.backward else steps[::-1]
