"""What the chain and the actors report while the world is built, in columns: millions of rows, few objects.

`adapters.simulation.truth` makes frames of it afterwards.
"""

from __future__ import annotations

from array import array
from typing import Any

from adapters.simulation.encode import KIND_NAMES

NONE, CHANGE = 0, 1  # purposes of outputs that pay nobody; every later purpose is a payment


class Names:
    """Names to dense integers and back."""

    def __init__(self, *names: str) -> None:
        self.names: list[str] = []
        self._ids: dict[str, int] = {}
        for name in names:
            self.id(name)

    def id(self, name: str) -> int:
        """The integer of a name, new or known."""
        found = self._ids.get(name)
        if found is None:
            found = self._ids[name] = len(self.names)
            self.names.append(name)
        return found


class Recorder:
    """The columns, appended to by the chain and the actors."""

    def __init__(self) -> None:
        self._owners = Names()
        self._owner_kind = array("i")
        self._kinds = Names()
        self._roles = Names()
        self._purposes = Names("none", "change")
        self._refs = Names()
        self._vasps = Names()
        self._payload = {kind: bytearray() for kind in range(len(KIND_NAMES))}
        self._addr_kind, self._addr_owner = array("b"), array("i")
        self._addr_role, self._addr_customer = array("h"), array("i")
        self._txids = bytearray()
        self._tx_height, self._tx_first = array("i"), array("q")
        self._block_time = array("q")
        self._out_addr, self._out_value, self._out_purpose = array("i"), array("q"), array("b")
        self._pay_out, self._pay_payer, self._pay_order = array("q"), array("i"), array("i")
        self._mixes: list[tuple[int, str]] = []
        self._payjoins: list[tuple[int, int, int, int]] = []
        self._exits: dict[str, list[Any]] = {c: [] for c in ("case", "owner", "vasp", "out", "mixed", "ref")}
        self._orders: dict[str, array[int]] = {
            c: array("i")
            for c in (
                "market",
                "buyer",
                "vendor",
                "cents",
                "wholesale",
                "refunded",
                "address",
                "funding",
                "settling",
            )
        }
        self._order_out = array("q")

    # names
    def owner(self, name: str, kind: str) -> int:
        """An actor by name; the first call fixes what kind of actor it is."""
        index = self._owners.id(name)
        if index == len(self._owner_kind):
            self._owner_kind.append(self._kinds.id(kind))
        return index

    def owner_name(self, index: int) -> str:
        """The name of an actor."""
        return self._owners.names[index]

    def role(self, name: str) -> int:
        """A role an address can play for its owner."""
        return self._roles.id(name)

    def purpose(self, name: str) -> int:
        """What a payment is for."""
        return self._purposes.id(name)

    # facts
    def address(self, kind: int, payload: bytes, owner: int, role: int, customer: int) -> int:
        """A new locking script; gives its row."""
        self._payload[kind] += payload
        self._addr_kind.append(kind)
        self._addr_owner.append(owner)
        self._addr_role.append(role)
        self._addr_customer.append(customer)
        return len(self._addr_kind) - 1

    def block(self, time: int) -> None:
        """The next height is finished."""
        self._block_time.append(time)

    def transaction(self, txid: bytes, height: int) -> None:
        """A transaction begins; its outputs follow."""
        self._txids += txid
        self._tx_height.append(height)
        self._tx_first.append(len(self._out_addr))

    def output(self, address: int, value: int, purpose: int) -> int:
        """The next output; gives its row."""
        self._out_addr.append(address)
        self._out_value.append(value)
        self._out_purpose.append(purpose)
        return len(self._out_addr) - 1

    def payment(self, out: int, payer: int, purpose: int, order: int) -> None:
        """The output `out` pays somebody; the purpose is the output's."""
        assert purpose > CHANGE
        self._pay_out.append(out)
        self._pay_payer.append(payer)
        self._pay_order.append(order)

    def mix(self, kind: str) -> None:
        """The last transaction is a CoinJoin."""
        self._mixes.append((len(self._tx_height) - 1, kind))

    def payjoin(self, sender: int, receiver: int, value: int) -> None:
        """The last transaction is a PayJoin that pays `value`."""
        self._payjoins.append((len(self._tx_height) - 1, sender, receiver, value))

    def exit(self, case: str, owner: int, *, vasp: str, vout: int, mixed: bool, refs: str) -> None:
        """Output `vout` of the last transaction brought a case's money to a VASP."""
        row = (case, owner, self._vasps.id(vasp), self._tx_first[-1] + vout, mixed, self._refs.id(refs))
        for column, value in zip(self._exits.values(), row, strict=True):
            column.append(value)

    def order(self, market: int, buyer: int, vendor: int, cents: int, wholesale: bool) -> int:
        """A new order; gives its row."""
        columns = self._orders
        row = (market, buyer, vendor, cents, int(wholesale), 0, -1, -1, -1)
        for column, value in zip(columns.values(), row, strict=True):
            column.append(value)
        self._order_out.append(-1)
        return len(self._order_out) - 1

    def order_funded(self, order: int, vout: int, address: int, market: int) -> None:
        """Output `vout` of the last transaction paid the order, at this market after all."""
        self._orders["market"][order] = market
        self._orders["address"][order] = address
        self._orders["funding"][order] = len(self._tx_height) - 1
        self._order_out[order] = vout

    def order_settled(self, order: int, refunded: bool, on_chain: bool = True) -> None:
        """The order was released or refunded, by the last transaction or in a custodian's books alone."""
        self._orders["refunded"][order] = int(refunded)
        if on_chain:
            self._orders["settling"][order] = len(self._tx_height) - 1

    @staticmethod
    def order_id(order: int) -> str:
        """The public name of an order."""
        return f"order-{order:07d}"
