"""What a service is asked: its payments, where a request goes, and what the answer stands on.

Nothing else of an investigation is in here, so that nothing else can get into a letter.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tracer.errors import UsageError

NATIVE = "native"
"""How the id of a chain's own coin ends."""

_NAMED = 20
"""A message names this many services at most."""

Key = tuple[str, str, int, int, str, str]
"""What makes a payment one, in the order in which they are listed."""


@dataclass(frozen=True)
class RequestLeg:
    """One payment to ask about, once, however many methods of the trace found it.

    debited     the service paid: asked is who was debited, not who was credited
    for_others  its account may be held for customers of the holder's own (a shared or nested account)
    hosted      it lies in the custody of another service, which can be asked too
    asset       its name, on an account chain the contract's own word for itself; asset_id says which it is
    units       base units on chain, the whole output or transfer; decimal is the same
    worth       (value, currency) at the price of that day, None where none is known
    alone       the one convention of several that finds it, "" where more do or the trace has one only
    """

    role: str
    debited: bool
    for_others: bool
    hosted: bool
    chain: str
    address: str | None
    txid: str
    vout: int | None
    transfer_index: int | None
    height: int
    time: str
    asset: str
    asset_id: str
    units: int
    decimal: str
    worth: tuple[str, str] | None
    alone: str = ""

    @property
    def key(self) -> Key:
        """Time first, as the service will look it up; then what makes it one leg."""
        vout, index = (-1 if n is None else n for n in (self.vout, self.transfer_index))
        return self.time, self.txid, vout, index, self.role, self.chain


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
class Tip:
    """Up to where a chain was read."""

    chain: str
    caip2: str
    height: int
    block_hash: str
    block_time: str


@dataclass(frozen=True)
class Requests:
    """The requests a trace gives rise to, by name of the service, and what the trace stands on.

    tips    of the chains it went over, the first one's first
    hidden  services that the trace did not show (`--exits`), largest number of any method
    """

    tips: tuple[Tip, ...]
    snapshot: str
    tlp: str | None
    hidden: int
    requests: tuple[Request, ...]

    def of(self, request: Request) -> list[Tip]:
        """The chains that a service's payments are on: of the others it is told nothing."""
        own = {leg.chain for leg in request.legs}
        return [tip for tip in self.tips if tip.chain in own]

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
