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
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from tracer.errors import DataError, UsageError
from tracer.evidence.leads import MARKING, Leads, party_of, with_links
from tracer.evidence.parts import Part
from tracer.intel.claims import clean, most_closed

ROLES = ("deposit", "withdrawal", "hot", "unknown")
"""What the address of a leg is to the service (CONTRACTS, `legs`)."""

_UNITS = re.compile(r"[0-9]{1,78}", re.ASCII)  # 2^256 has 78 digits
_DECIMAL = re.compile(r"[0-9]{1,78}(\.[0-9]{1,78})?", re.ASCII)
_NAMED = 20
"""A message names this many services at most."""


@dataclass(frozen=True)
class RequestLeg:
    """One payment to ask about, once, however many methods of the trace found it.

    debited     the service paid: asked is who was debited, not who was credited
    for_others  its account may be held for customers of the holder's own (a shared or nested account)
    hosted      it lies in the custody of another service, which can be asked too
    units       base units on chain, the whole output or transfer; decimal is the same
    worth       (value, currency) at the price of that day, None where none is known
    alone       the one convention of several that finds it, "" where more do or the trace has one only
    """

    role: str
    debited: bool
    for_others: bool
    hosted: bool
    address: str | None
    txid: str
    vout: int | None
    transfer_index: int | None
    height: int
    time: str
    asset: str
    units: int
    decimal: str
    worth: tuple[str, str] | None
    alone: str = ""

    @property
    def key(self) -> tuple[str, str, int, int, str]:
        """Time first, as the service will look it up; then what makes it one leg."""
        vout, index = (-1 if n is None else n for n in (self.vout, self.transfer_index))
        return self.time, self.txid, vout, index, self.role


@dataclass(frozen=True)
class Contact:
    """Where a request goes, by the newest statement of the register; "" where it is silent."""

    name: str = ""
    legal_entity: str = ""
    legal_contact: str = ""
    records_holder: str = ""
    retention: str = ""
    status: str = ""
    successor: str = ""


@dataclass(frozen=True)
class Request:
    """All that one service is asked about.

    party      its `vasp_id`, or its name where the register does not know it
    entity     its name; successor is the name of the service that took it over, where that is known
    legs       in order of time
    protected  legs left out because a claim protects their address
    left_out   legs left out because they are leads
    method     the convention of a trace that has one only, "" else
    custodian  it is asked as the custodian of an account of another service, for some leg
    claims     ids of the claims that say the addresses are its own
    """

    party: str
    entity: str
    contact: Contact | None
    successor: str
    legs: tuple[RequestLeg, ...]
    protected: int
    custodian: bool
    claims: frozenset[str]
    slug: str = ""
    left_out: int = 0
    method: str = ""


@dataclass(frozen=True)
class Requests:
    """The requests a trace gives rise to, by name of the service, and what the trace stands on.

    hidden  services that the trace did not show (`--exits`), largest number of any method
    """

    chain: str
    caip2: str
    height: int
    block_hash: str
    block_time: str
    snapshot: str
    tlp: str | None
    hidden: int
    requests: tuple[Request, ...]

    def choose(self, wanted: str) -> list[Request]:
        """The request of one service, by id or name in any case, or `all`. `UsageError` names those there are."""
        if wanted.casefold() == "all" and self.requests:
            return list(self.requests)
        ways: tuple[Callable[[Request], bool], ...] = (
            lambda r: r.party == wanted,
            lambda r: r.party.casefold() == wanted.casefold(),
            lambda r: r.entity.casefold() == wanted.casefold(),
        )
        found = next((own for way in ways if (own := [r for r in self.requests if way(r)])), [])
        if len(found) == 1:
            return found
        more = f" {self.hidden:,} more were hidden by --exits when it was made." if self.hidden else ""
        if not self.requests:
            raise UsageError(f"the trace shows no service that could be asked.{more}")
        if found:
            raise UsageError(f"{wanted!r} means several services.", hint=f"Say which: {_list(found)}.")
        raise UsageError(
            f"the trace reached no service {wanted!r}.", hint=f"It reached {_list(self.requests)}.{more}"
        )


def _list(requests: Sequence[Request]) -> str:
    names = ", ".join(request.party for request in requests[:_NAMED])
    return names + (f" and {len(requests) - _NAMED:,} more" if len(requests) > _NAMED else "")


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
    tips = [list(document.parts("as_of")) for document in documents]
    if any(len(tip) > 1 for tip in tips):
        raise DataError(
            "the trace went over several chains, and a request is about one.",
            hint="Trace from the transfers that came over bridges (`conversions`) on each chain, without the others.",
        )
    if any(len(tip) != 1 for tip in tips) or any(tip[0].value != tips[0][0].value for tip in tips):
        raise DataError("the documents of the trace are not of one chain at one block.")
    tip = tips[0][0]
    return Requests(
        chain=tip.text("chain"),
        caip2=tip.text("caip2"),
        height=tip.number("height"),
        block_hash=tip.text("block_hash"),
        block_time=tip.time("block_time"),
        snapshot=documents[0].text("intel_snapshot"),
        tlp=most_closed(document.maybe_text("tlp") for document in documents),
        hidden=max(document.part("other_endpoints").number("count") for document in documents),
        requests=_requests(documents, Leads.of(whole, documents), leads=leads),
    )


@dataclass
class _Service:
    """What is found of one service on the way through the documents."""

    entity: str
    contact: Contact | None = None
    legs: dict[tuple[str, str, int, int, str], RequestLeg] = field(default_factory=dict)
    methods: dict[tuple[str, str, int, int, str], set[str]] = field(default_factory=dict)
    suspect: set[tuple[str, str, int, int, str]] = field(default_factory=set)
    custody: set[tuple[str, str, int, int, str]] = field(default_factory=set)
    claims: set[str] = field(default_factory=set)

    def add(self, leg: RequestLeg, method: str, *, lead: bool) -> None:
        """The same leg under another method or behind another link is the same leg. `lead`: its holder is one."""
        self.methods.setdefault(leg.key, set()).add(method)
        if lead:
            self.suspect.add(leg.key)
        known = self.legs.get(leg.key, leg)
        if (known.address, known.asset, known.units) != (leg.address, leg.asset, leg.units):
            raise DataError(f"the trace contradicts itself about {leg.txid}.")
        either = known.for_others or leg.for_others
        self.legs[leg.key] = replace(known, for_others=either, hosted=known.hosted or leg.hosted)


def _requests(documents: Sequence[Part], told: Leads, *, leads: bool) -> tuple[Request, ...]:
    services: dict[str, _Service] = {}
    contacts: dict[str, Contact] = {}
    protected: set[str] = set()
    for document in documents:
        paid, method = document.text("direction") == "backward", document.text("method")
        for part, link in with_links(document):
            protected.update(row.text("address") for row in part.parts("protected"))
            for row in part.parts("endpoints"):
                to = row.maybe_part("request_to")
                if to is not None and (known := to.text("vasp_id")) not in contacts:
                    contacts[known] = Contact(
                        **{f: to.maybe_text(f) or "" for f in Contact.__dataclass_fields__}
                    )
                _take(services, row, told, method, paid=paid, link=link)
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
    services: dict[str, _Service], row: Part, told: Leads, method: str, *, paid: bool, link: str | None
) -> None:
    """Give an endpoint's legs to its service, and to the one in whose custody the account lies."""
    entity, host = row.text("entity"), row.maybe_part("nested_in")
    party = party_of(row)
    lead = party in told.parties
    claims = {said.claim("claim") for said in row.parts("attribution")} | ({link} if link else set())
    legs = [_leg(leg, paid=paid, hosted=host is not None) for leg in row.parts("legs")]
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


def _leg(row: Part, *, paid: bool, hosted: bool) -> RequestLeg:
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
        for_others=hosted or row.maybe_text("account_shape") in ("shared_like", "nested"),
        hosted=hosted,
        address=row.maybe_text("address"),
        txid=row.text("txid"),
        vout=row.maybe_number("vout"),
        transfer_index=row.maybe_number("transfer_index"),
        height=row.number("height"),
        time=row.time("time"),
        asset=amount.text("asset"),
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
