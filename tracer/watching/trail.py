"""`--trail`: the watch moves along with the coins that left it, hop by hop, until a service gets them.

Every output of a transaction that spends such coins is followed, but for what comes back to the watch, and what a
service, pool, mixer or bridge gets. How much of it is the watch's money a trace says; here the most it can be is told.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from tracer.chain import Family, first_tx_id, tx_height
from tracer.ledger.store import Ledger
from tracer.watching import spends
from tracer.watching.events import SEVERITY, Said, outgrown, service
from tracer.watching.lots import Lot
from tracer.watching.match import Watched
from tracer.watching.model import MOST_HOPS, Block, Raised, Watch
from tracer.watching.moves import Leg, Move, Transaction, transactions
from tracer.watching.party import Parties, Party

MOST_LOTS = 10_000
"""Outputs a watch moves to in all (P); more are left out, which one `watch_overgrown` and all later alerts say."""


@dataclass
class Moved:
    """What one transaction did with coins of one watch.

    number   how many transactions it lies behind the watch: 1 is what left it
    left     base units that left the watch itself in it
    spent    the outputs that its coins lay in, by transaction and number; none of what left the watch itself
    reached  who got some of it, by output: nobody in particular where it was mixed
    """

    number: int
    left: int
    origin: bytes
    spent: dict[tuple[int, int], Lot] = field(default_factory=dict)
    reached: list[tuple[Party | None, int, int]] = field(default_factory=list)

    @property
    def value(self) -> int:
        """Base units of these coins that it spent."""
        return self.left + sum(lot.value for lot in self.spent.values())


Key = tuple[str, int]
"""A watch and a transaction."""


class Trail:
    """The trails of one chain's watches through some blocks. Inside `match.looking`."""

    def __init__(self, said: Said, ledger: Ledger, found: Watched, first: int, last: int) -> None:
        self._said, self._ledger = said, ledger
        self._span = {"first": first_tx_id(first), "stop": first_tx_id(last + 1)}
        self._watches = {name: (number, found.watches[number]) for name, number in found.trailing.items()}
        self._moved: dict[Key, Moved] = {}
        self._counts: dict[str, int] = {}
        self._found: dict[tuple[str, int, int], Lot] = {}
        self._names: dict[int, str] = {}
        self._over: dict[str, int] = {}

    @property
    def lots(self) -> list[Lot]:
        """What watches moved to in these blocks."""
        names = self._ledger.render_txids(tx_id for _, tx_id, _ in self._found)
        raw = self._ledger.chain.hash_bytes
        return [replace(lot, txid=raw(names[lot.tx_id])) for lot in self._found.values()]

    @property
    def full(self) -> dict[str, int]:
        """Watch id -> height from which on its trail leaves outputs out, of those of which that was not known."""
        return {
            watch_id: tx_height(tx_id)
            for watch_id, tx_id in self._over.items()
            if self._watches[watch_id][1].trail_full is None
        }

    def follow(self, left: Sequence[Move], kept: Sequence[Lot]) -> list[Raised]:
        """Follow what leaves watches in these blocks (`left`), and what did before (`kept`): alerts at services."""
        if not self._watches or self._ledger.chain.family is not Family.UTXO:
            return []
        for lot in kept:
            self._counts[lot.watch_id] = self._counts.get(lot.watch_id, 0) + 1
        text = self._ledger.chain.hash_bytes
        began = {
            (m.watch.watch_id, m.tx.tx_id): Moved(1, m.units or 0, text(m.tx.txid))
            for m in left
            if m.watch.watch_id in self._watches and m.direction == "outbound"
        }
        self._moved = dict(began)
        fresh = [
            *began,
            *self._spent(spends.placed(self._ledger, [k for k in kept if k.watch_id in self._watches])),
        ]
        while fresh:
            fresh = self._spent(self._expand(fresh))
        return [*self._events(set(began)), *self._filled()]

    def _spent(self, frontier: Sequence[Lot]) -> list[Key]:
        """Note what spends these outputs: what was not met before, or not so near to the watch."""
        fresh: set[Key] = set()
        for lot, tx_id in spends.spends(self._ledger, frontier, self._span):
            key = lot.watch_id, tx_id
            known = self._moved.setdefault(key, Moved(MOST_HOPS + 1, 0, lot.origin))
            if known.left:  # what leaves the watch itself counts whole already
                continue
            known.spent[lot.tx_id, lot.vout] = lot
            known.origin = min(known.origin, lot.origin)
            if lot.hop + 1 < known.number:
                known.number = lot.hop + 1
                fresh.add(key)
        return sorted(fresh)

    def _expand(self, keys: Sequence[Key]) -> list[Lot]:
        """The outputs to go on from; what services and mixers got is noted."""
        outputs, own, mixing = spends.outputs(
            self._ledger, [(tx, self._watches[watch][0]) for watch, tx in keys]
        )
        parties = Parties(
            self._ledger,
            self._said.snapshot,
            {a for rows in outputs.values() for _, _, a, _ in rows if a is not None},
        )
        found = []
        for key in keys:
            watch_id, tx_id = key
            number, watch = self._watches[watch_id]
            at = self._moved[key]
            at.reached.clear()
            for vout, value, address, time in outputs.get(tx_id, ()):
                if (number, tx_id, vout) in own:
                    continue
                party = parties.of(address, time) if address is not None else None
                if party is not None and party.fate is not None:
                    at.reached.append((party, value, vout))
                elif tx_id in mixing:
                    at.reached.append((None, value, vout))
                elif at.number < watch.settings.trail and self._room(watch_id, tx_id, vout):
                    found.append(Lot(watch_id, b"", vout, at.number, value, at.origin, tx_id))
        self._found |= {(lot.watch_id, lot.tx_id, lot.vout): lot for lot in found}
        return found

    def _room(self, watch_id: str, tx_id: int, vout: int) -> bool:
        if (watch_id, tx_id, vout) in self._found:
            return True
        count = self._counts[watch_id] = self._counts.get(watch_id, 0) + 1
        if count > MOST_LOTS:
            self._over[watch_id] = min(tx_id, self._over.get(watch_id, tx_id))
        return count <= MOST_LOTS

    def _events(self, began: set[Key]) -> list[Raised]:
        reached = {
            key: at
            for key, at in self._moved.items()
            if at.reached and not (key in began and any(party for party, _, _ in at.reached))
        }
        txs = transactions(self._ledger, [tx for _, tx in reached])
        self._names = self._ledger.render_txids(tx for at in reached.values() for tx, _ in at.spent)
        return [
            self._event(self._watches[watch][1], txs[tx], at)
            for (watch, tx), at in sorted(reached.items(), key=_place)
        ]

    def _event(self, watch: Watch, tx: Transaction, at: Moved) -> Raised:
        text = self._ledger.chain.hash_text
        legs = [
            Leg(True, True, 0, None, None, lot.value, outpoint=f"{self._names[tx_id]}:{vout}")
            for (tx_id, vout), lot in sorted(at.spent.items())
        ]
        others = []
        for party, value, vout in at.reached:
            leg = Leg(False, False, vout, None, party.address if party else None, value)
            legs.append(leg)
            if party:
                others.append((party, leg))
        others.sort(key=lambda other: (other[0].entity is None, -(other[1].units or 0), other[1].number))
        arrived = sum(value for _, value, _ in at.reached)
        move = Move(watch, tx, 0, min(arrived, at.value), "outbound", True, legs, others, 0)
        services = [service(self._said, move, party, leg.units, leg.number) for party, leg in others]
        details = {
            "hops": at.number,
            "from_txid": text(at.origin),
            "services": services,
            "at_most": move.worth(self._said.worths, at.value),
            **({} if services else {"ends_as": "mixer"}),
            **({"trail_full": True} if self._incomplete(watch, tx.block) else {}),
        }
        return self._said.raised(move, "reached_service", SEVERITY["reached_service"], details=details)

    def _incomplete(self, watch: Watch, block: Block | None) -> bool:
        """Whether outputs were left out before a block: what is told there is not all there is."""
        since = watch.trail_full
        if since is None and watch.watch_id in self._over:
            since = tx_height(self._over[watch.watch_id])
        return since is not None and block is not None and block.height >= since

    def _filled(self) -> list[Raised]:
        """The one alert of a watch that says its trail is full."""
        full = sorted(self.full)
        txs = transactions(self._ledger, [self._over[watch_id] for watch_id in full])
        details = {"reason": "trail", "outputs_followed": MOST_LOTS}
        blocks = {watch_id: txs[self._over[watch_id]].block for watch_id in full}
        return [
            outgrown(self._said, self._watches[watch_id][1], "trail", details, block)
            for watch_id, block in blocks.items()
            if block is not None
        ]


def _place(item: tuple[Key, Moved]) -> tuple[int, str]:
    (watch, tx), _ = item
    return tx, watch
