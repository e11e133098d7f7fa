"""Whom a trace lets an investigator ask, and about which payments: the legs of each service, and nothing else.

A request must not disclose more of an investigation than the service needs to answer it. What is read here of a
trace are the facts a chain shows of each leg and where the register says a request goes; amounts traced, seeds,
paths, other services and the claims behind an attribution never get here. Leads are not asked about: neither what
lies behind a mixer, nor what one of several conventions alone finds (`Leads`), unless that is told.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from tracer.errors import DataError
from tracer.evidence.asked import NATIVE, Contact, Key, Request, RequestLeg, Requests, Tip
from tracer.evidence.leads import MARKING, Leads, party_of, with_links
from tracer.evidence.parts import Part
from tracer.intel.claims import clean, most_closed

ROLES = ("deposit", "withdrawal", "hot", "unknown")
"""What the address of a leg is to the service (CONTRACTS, `legs`)."""

_UNITS = re.compile(r"[0-9]{1,78}", re.ASCII)  # 2^256 has 78 digits
_DECIMAL = re.compile(r"[0-9]{1,78}(\.[0-9]{1,78})?", re.ASCII)


def read(document: object, *, leads: bool = False) -> Requests:
    """The requests of a `tracer.trace/1` or `tracer.traces/1` document. Raises `DataError` where it is damaged.

    `leads`: ask about what one convention alone finds too.
    """
    whole = Part(document, "the document")
    schema = whole.value.get("schema")
    if schema not in ("tracer.trace/1", "tracer.traces/1"):
        told = f"{clean(schema)[:60]!r}" if isinstance(schema, str) else "none"
        raise DataError(
            f"this is no trace: its schema is {told}.", hint="Give what `tracer trace --json` printed."
        )
    documents = [whole] if schema == "tracer.trace/1" else list(whole.parts("documents"))
    if not documents:
        raise DataError("the trace holds no documents.")
    tips = [tuple(map(_tip, document.parts("as_of"))) for document in documents]
    if not tips[0] or any(own != tips[0] for own in tips):
        raise DataError("the documents of the trace are not of the same chains at the same blocks.")
    chains = {tip.chain: tip.caip2 for tip in tips[0]}
    return Requests(
        tips=tips[0],
        snapshot=documents[0].text("intel_snapshot"),
        tlp=most_closed(document.maybe_text("tlp") for document in documents),
        hidden=max(document.part("other_endpoints").number("count") for document in documents),
        requests=_requests(documents, chains, Leads.of(whole, documents), leads=leads),
    )


def _tip(row: Part) -> Tip:
    return Tip(
        row.text("chain"),
        row.text("caip2"),
        row.number("height"),
        row.text("block_hash"),
        row.time("block_time"),
    )


@dataclass
class _Service:
    """What is found of one service on the way through the documents."""

    entity: str
    contact: Contact | None = None
    legs: dict[Key, RequestLeg] = field(default_factory=dict)
    methods: dict[Key, set[str]] = field(default_factory=dict)
    suspect: set[Key] = field(default_factory=set)
    custody: set[Key] = field(default_factory=set)
    claims: set[str] = field(default_factory=set)

    def add(self, leg: RequestLeg, method: str, *, lead: bool) -> None:
        """The same leg under another method or behind another link is the same leg. `lead`: its holder is one."""
        self.methods.setdefault(leg.key, set()).add(method)
        if lead:
            self.suspect.add(leg.key)
        known = self.legs.get(leg.key, leg)
        if any(getattr(known, what) != getattr(leg, what) for what in _SAME):
            raise DataError(f"the trace contradicts itself about {leg.txid}.")
        either = known.for_others or leg.for_others
        self.legs[leg.key] = replace(known, for_others=either, hosted=known.hosted or leg.hosted)


_SAME = ("address", "asset", "asset_id", "units")


def _requests(
    documents: Sequence[Part], chains: Mapping[str, str], told: Leads, *, leads: bool
) -> tuple[Request, ...]:
    services: dict[str, _Service] = {}
    contacts: dict[str, Contact] = {}
    protected: set[str] = set()
    for document in documents:
        paid, method = document.text("direction") == "backward", document.text("method")
        for part, link, at in with_links(document):
            protected.update(row.text("address") for row in part.parts("protected"))
            for row in part.parts("endpoints"):
                to = row.maybe_part("request_to")
                if to is not None and (known := to.text("vasp_id")) not in contacts:
                    contacts[known] = Contact(
                        **{f: to.maybe_text(f) or "" for f in Contact.__dataclass_fields__}
                    )
                legs = [_leg(leg, chains, at, paid=paid) for leg in row.parts("legs")]
                _take(services, row, legs, told, method, link=link)
    slugs = _slugs(services)
    made = []
    for party in sorted(services):
        service, contact = services[party], contacts.get(party)
        legs = [
            replace(service.legs[key], alone=told.alone(service.methods[key])) for key in sorted(service.legs)
        ]
        free = [leg for leg in legs if leg.address not in protected]
        shown = tuple(
            leg for leg in free if leads or not (leg.key in service.suspect or leg.alone == MARKING)
        )
        after = contacts.get(contact.successor) if contact else None
        if contact and after and not contact.records_holder:
            contact = replace(contact, legal_contact=contact.legal_contact or after.legal_contact)
        made.append(
            Request(
                party=party,
                entity=(contact.name if contact else "") or service.entity,
                contact=contact,
                successor=(after.legal_entity or after.name if after else "")
                or (contact.successor if contact else ""),
                legs=shown,
                protected=len(legs) - len(free),
                custodian=any(leg.key in service.custody for leg in shown),
                claims=frozenset(service.claims),
                slug=slugs[party],
                left_out=len(free) - len(shown),
                method=told.only,
            )
        )
    return tuple(made)


def _take(
    services: dict[str, _Service],
    row: Part,
    found: Sequence[RequestLeg],
    told: Leads,
    method: str,
    *,
    link: str | None,
) -> None:
    """Give an endpoint's legs to its service, and to the one in whose custody the account lies."""
    entity, host = row.text("entity"), row.maybe_part("nested_in")
    party = party_of(row)
    lead = party in told.parties
    claims = {said.claim("claim") for said in row.parts("attribution")} | ({link} if link else set())
    legs = [
        replace(leg, hosted=host is not None, for_others=leg.for_others or host is not None) for leg in found
    ]
    own = services.setdefault(party, _Service(entity))
    own.claims |= claims
    for leg in legs:
        own.add(leg, method, lead=lead)
    if host is not None and host.text("vasp_id") != party:
        holder = services.setdefault(host.text("vasp_id"), _Service(host.text("entity")))
        holder.claims |= claims
        holder.custody |= {leg.key for leg in legs}
        for leg in legs:
            holder.add(replace(leg, hosted=False), method, lead=lead)


def _leg(row: Part, chains: Mapping[str, str], at: str | None, *, paid: bool) -> RequestLeg:
    """`chains` are those of the trace, `at` is the one it is on where it does not say so itself."""
    chain = row.maybe_text("chain") or at or next(iter(chains))
    if chain not in chains or (len(chains) > 1 and not (row.maybe_text("chain") or at)):
        raise row.damaged("chain", "one of those of the trace")
    role, amount = row.text("role"), row.part("amount_onchain")
    if role not in ROLES:
        raise row.damaged("role", f"one of {', '.join(ROLES)}")
    units, decimal = amount.text("base_units"), amount.text("decimal")
    if not _UNITS.fullmatch(units):
        raise amount.damaged("base_units", "a whole number")
    if not _DECIMAL.fullmatch(decimal) or int(decimal.replace(".", "")) != int(units):
        raise amount.damaged("decimal", f"the decimal of {units} base units")
    fiat = amount.maybe_part("fiat")
    return RequestLeg(
        role=role,
        debited=paid or role == "withdrawal",
        for_others=row.maybe_text("account_shape") in ("shared_like", "nested"),
        hosted=False,
        chain=chain,
        address=row.maybe_text("address"),
        txid=row.text("txid"),
        vout=row.maybe_number("vout"),
        transfer_index=row.maybe_number("transfer_index"),
        height=row.number("height"),
        time=row.time("time"),
        asset=amount.text("asset"),
        asset_id=amount.maybe_text("asset_id") or f"{chains[chain]}/{NATIVE}",
        units=int(units),
        decimal=decimal,
        worth=(fiat.text("value"), fiat.text("currency")) if fiat else None,
    )


def _slugs(services: Mapping[str, _Service]) -> dict[str, str]:
    """A file name's part for each service: letters and digits; where two would share one, with a hash."""
    plain = {party: re.sub(r"[^a-z0-9]+", "-", party.lower())[:60].strip("-") for party in services}
    alike = Counter(plain.values())
    return {
        party: slug
        if slug and alike[slug] == 1
        else f"{slug or 'service'}-{hashlib.sha256(party.encode()).hexdigest()[:8]}"
        for party, slug in plain.items()
    }
