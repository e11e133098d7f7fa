"""Whether an analyst's override can hold: it is refused where it contradicts what binds already.

Held against the claims of the snapshot, against which addresses have one key, and against the clusters as they were
built last. What is claimed afterwards may still contradict it; the build then takes what must stay apart to be
stronger, and notes the join it refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

from tracer.chain import AddressKey, Family
from tracer.clustering import constraints, keys, lookup
from tracer.clustering.rules import Tier
from tracer.db import named_sql
from tracer.errors import UsageError
from tracer.intel.claims import Override
from tracer.intel.snapshot import Snapshot
from tracer.ledger.store import Ledger

_SQL = named_sql("tracer.clustering", "overrides.sql")
_SHOWN = 16
_WITHDRAW = "Withdraw the one that is wrong first: `tracer tags withdraw CLAIM`."


def check(ledger: Ledger, snapshot: Snapshot, said: Override) -> None:
    """Return where an override may be put in; `UsageError` says why it may not.

    Refused: an address the ledger has not seen; one address twice; a transaction that was not read or spends from
    fewer than two addresses; a join of what is known to be two parties', itself or by its clusters; a join across
    a split; a split of what joins hold together; a split of two addresses of one key.
    """
    if said.a == said.b:
        raise UsageError(f"{said.a} is one address: there is nothing to {said.kind}.")
    for text in (said.a, said.b):
        if ledger.find_address(ledger.chain.parse_address(text)) is None:
            raise UsageError(
                f"unknown address: {text} was never seen in the blocks of {ledger.chain.name} that were read.",
                hint="Blocks that were not read may hold it.",
            )
    if said.txid:
        _check_transaction(ledger, said.txid)
    others = [(claim, other) for claim, other in snapshot.overrides(ledger.chain.name) if other != said]
    ties = _Ties(ledger, said, others)
    if said.kind == "split":
        _check_split(said, others, ties)
    else:
        _check_join(said, others, ties)
        _check_parties(ledger, snapshot, said, ties)


def _check_transaction(ledger: Ledger, txid: str) -> None:
    if ledger.chain.family is Family.ACCOUNT:
        raise UsageError(
            f"no transaction of {ledger.chain.name} joins addresses: there is nothing to split at one.",
            hint="Leave --at out: the two addresses are kept apart.",
        )
    found = ledger.find_tx(ledger.chain.hash_bytes(txid))
    if not found:
        raise UsageError(
            f"transaction {txid} was not read of {ledger.chain.name}.",
            hint="Blocks that were not read may hold it.",
        )
    if ledger.db.value(_SQL["input_addresses"], {"ids": found}) < 2:
        raise UsageError(f"transaction {txid} spends from fewer than two addresses: it joins nobody.")


@dataclass(frozen=True)
class _Tie:
    """Two addresses that belong together, and the claim that says so; "" where they have one key or one cluster."""

    a: str
    b: str
    claim: str = ""


class _Ties:
    """What holds the addresses of all overrides together.

    key      address by text
    cluster  id of the cluster it was put in by the last build; only of addresses the ledger has seen
    firm     joins, and addresses of one key
    """

    def __init__(self, ledger: Ledger, said: Override, others: Sequence[tuple[str, Override]]) -> None:
        texts = sorted({said.a, said.b, *(text for _, other in others for text in (other.a, other.b))})
        self.key = {text: ledger.chain.parse_address(text) for text in texts}
        self.firm = [_Tie(other.a, other.b, claim) for claim, other in others if other.kind == "join"]
        self.firm += _of_one_key(ledger, self.key)
        ids = constraints.ids_of(ledger, [self.key[text] for text in texts])
        self.id = {text: found for text, found in zip(texts, ids, strict=True) if found is not None}
        clusters = dict(ledger.db.rows(_SQL["clusters_of"], {"ids": sorted(self.id.values())}))
        self.cluster = {text: clusters[number] for text, number in self.id.items()}

    def clustered(self) -> list[_Tie]:
        """Addresses of one cluster."""
        first: dict[int, str] = {}
        return [_Tie(first.setdefault(cluster, text), text) for text, cluster in sorted(self.cluster.items())]


def _of_one_key(ledger: Ledger, key: dict[str, AddressKey]) -> list[_Tie]:
    text = {value: name for name, value in key.items()}
    return [
        _Tie(name, text[form]) for name, value in key.items()
        for form in keys.forms(ledger.chain, value) if form in text
    ]  # fmt: skip


def _reached(start: str, ties: Iterable[_Tie]) -> dict[str, tuple[_Tie, ...]]:
    """Every address held together with one, and the ties that lead there."""
    beside: dict[str, list[tuple[str, _Tie]]] = {}
    for tie in ties:
        beside.setdefault(tie.a, []).append((tie.b, tie))
        beside.setdefault(tie.b, []).append((tie.a, tie))
    found: dict[str, tuple[_Tie, ...]] = {start: ()}
    queue = [start]
    for here in queue:
        for other, tie in beside.get(here, ()):
            if other not in found:
                found[other] = (*found[here], tie)
                queue.append(other)
    return found


def _check_split(said: Override, others: Sequence[tuple[str, Override]], ties: _Ties) -> None:
    path = _reached(said.a, ties.firm).get(said.b)
    if path is None:
        return
    authors = {claim: other.author for claim, other in others}
    joins = sorted({tie.claim for tie in path if tie.claim})
    if not joins:
        raise UsageError(
            f"{said.a} and {said.b} are two addresses of one key: who spends from one can from both."
        )
    named = " and ".join(f"{claim[:_SHOWN]} of {authors[claim]}" for claim in joins)
    raise UsageError(f"{said.a} and {said.b} are joined by claim {named}.", hint=_WITHDRAW)


def _check_join(said: Override, others: Sequence[tuple[str, Override]], ties: _Ties) -> None:
    everything = [*ties.firm, *ties.clustered()]
    left, right = _reached(said.a, everything), _reached(said.b, everything)
    for claim, other in others:
        if other.kind != "split":
            continue
        same_pair = (other.a, other.b) == (said.a, said.b)
        across = (other.a in left and other.b in right) or (other.b in left and other.a in right)
        # clusters that hold both were built before the split, and will not once they are built again
        if same_pair or (across and said.b not in left):
            raise UsageError(
                f"claim {claim[:_SHOWN]} of {other.author} keeps {other.a} and {other.b} apart: "
                f"{said.a} and {said.b} cannot be joined.",
                hint=_WITHDRAW,
            )


def _check_parties(ledger: Ledger, snapshot: Snapshot, said: Override, ties: _Ties) -> None:
    holders = constraints.known(snapshot, ledger.chain.name)
    known = constraints.seen(ledger, holders.filter(holders["binds"]))
    everything = [*ties.firm, *ties.clustered()]
    sides = [
        {ties.cluster[t] for t in _reached(text, everything) if t in ties.cluster}
        for text in (said.a, said.b)
    ]
    with ledger.db.table("known", known.select("address_id", "name", "claim_id")):
        rows = ledger.db.rows(_SQL["known_in"], {"ids": sorted(sides[0] | sides[1])})
    own = [[row for row in rows if row[1] == ties.id[text]] for text in (said.a, said.b)]
    near = [[row for row in rows if row[0] in side] for side in sides]
    for left, right in (own, near):
        if left and right and {row[2] for row in left}.isdisjoint(row[2] for row in right):
            first, second = (
                f"{text} is {'' if row[1] == ties.id[text] else 'held together with an address '}of {row[2]} "
                f"(claim {row[3][:_SHOWN]})"
                for text, row in ((said.a, left[0]), (said.b, right[0]))
            )
            raise UsageError(f"{first}, and {second}: they cannot be joined.", hint=_WITHDRAW)


def touching(
    ledger: Ledger, overrides: Iterable[constraints.Override], clusters: AbstractSet[int], tier: Tier
) -> list[dict[str, Any]]:
    """The overrides that touch some clusters (ids of that tier), as documents list them.

    Those of its pair, and of everybody else who signed a transaction that it took apart: their links went with it.
    """
    known = list(overrides)
    if not known:
        return []
    cuts = [o.tx_id for o in known if o.tx_id is not None]
    signed = ledger.db.rows(_SQL["signed_together"], {"cuts": cuts})
    ids = {i for o in known for i in (o.a, o.b)} | {i for a, b, _, own in signed for i in (a, b, own)} - {
        None
    }
    of = lookup.clusters_of(ledger, ids, tier)

    def reach(said: constraints.Override) -> set[int]:
        pair = {of[said.a], of[said.b]}
        others = {
            of[own]
            for a, b, tx_id, own in signed
            if (a is None and tx_id == said.tx_id)
            or (a is not None and said.kind == "split" and {of[a], of[b]} == pair)
        }
        return pair | others

    met = [o for o in known if not clusters.isdisjoint(reach(o))]
    texts = ledger.render_addresses([i for o in met for i in (o.a, o.b)])
    txids = ledger.render_txids([o.tx_id for o in met if o.tx_id is not None])
    rows = [
        {
            "claim": o.claim_id,
            "kind": o.kind,
            "a": texts[o.a],
            "b": texts[o.b],
            "txid": None if o.tx_id is None else txids[o.tx_id],
            "author": o.author,
            "reason": o.reason,
            "said_at": o.said_at,
        }
        for o in met
    ]
    return sorted(rows, key=lambda row: (row["kind"], row["a"], row["b"], row["claim"]))
