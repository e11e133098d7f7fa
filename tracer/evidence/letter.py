"""A request as people send it: one letter in plain text, and its payments as the rows of a table.

The same request gives the same bytes: no clock, host or user stands in it. Dates, file numbers and the legal
basis are blanks unless they are told.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from textwrap import wrap

from tracer.evidence.addressee import addressee, kept_until
from tracer.evidence.asked import NATIVE, Request, RequestLeg, Requests

WIDTH = 78
"""Columns of a letter. What must be copied whole (txids, addresses, hashes) has lines of its own."""

BLANK = "____"

ASKS = {
    "preserve": (
        "Keep all records of the accounts concerned and of the payments listed, as they are now, "
        "until you are told otherwise."
    ),
    "produce": (
        "Give, for each account concerned: the holder, with the identification and contact data you have (KYC); the "
        "log-ins, with times, addresses on the internet and devices; for a payment received, how it was credited, "
        "and the withdrawals that followed; for a payment sent, who ordered it, and what it was paid from."
    ),
    "freeze": (
        "Hold back what is left of these payments in the accounts concerned, as far as the law that applies to you "
        "allows, and say what was held back and since when."
    ),
}
"""What can be asked, in the order of a letter."""

_KINDS = {
    "deposit": (
        "a deposit address",
        "The address is taken to be one that you gave to a customer for deposits. Concerned is the account that it "
        "is, or was then, assigned to.",
    ),
    "withdrawal": (
        "a withdrawal",
        "The payment is taken to be one that you made, to the address shown. Concerned is the account that was "
        "debited for it.",
    ),
    "hot": (
        "a hot wallet",
        "The address is taken to be a wallet of your own that serves many customers: it identifies no customer. "
        "Concerned is the account that was credited or debited by that transaction.",
    ),
    "unknown": (
        "an address of unknown use",
        "The address is taken to be yours; whether it is a customer's is not known. Say which it is. Concerned is "
        "the account that was credited or debited by that transaction.",
    ),
}
"""Role of a leg -> what its address is, and what that means for the question."""

COLUMNS = (
    "no", "chain", "caip2", "kind", "txid", "vout", "transfer_index", "address", "block", "time_utc", "asset",
    "asset_id", "amount_base_units", "amount", "value", "currency", "concerned", "asked",
)  # fmt: skip
"""Columns of the table; one that holds nothing of a payment is empty there."""


@dataclass(frozen=True)
class Heading:
    """What the investigator tells of the letter; "" leaves a blank. `asks` are of `ASKS`, in its order."""

    asks: tuple[str, ...]
    reference: str = ""
    authority: str = ""
    date: str = ""


def rows(made: Requests, request: Request, heading: Heading) -> list[tuple[str, ...]]:
    """The payments as `COLUMNS`, numbered as in the letter. Texts are as they are: formulas are the writer's care."""
    caip2 = {tip.chain: tip.caip2 for tip in made.tips}
    return [
        (
            str(number), leg.chain, caip2[leg.chain], leg.role, leg.txid, _number(leg.vout),
            _number(leg.transfer_index), leg.address or "", str(leg.height), f"{leg.time.replace(' ', 'T')}Z",
            leg.asset, leg.asset_id, str(leg.units), leg.decimal, *(leg.worth or ("", "")), concerned(leg),
            "; ".join(heading.asks),
        )
        for number, leg in enumerate(request.legs, start=1)
    ]  # fmt: skip


def _number(number: int | None) -> str:
    return "" if number is None else str(number)


def concerned(leg: RequestLeg) -> str:
    """Which account a payment is asked about."""
    moved = "debited" if leg.debited else "credited"
    text = {
        "deposit": "the account that this address is assigned to",
        "withdrawal": "the account that was debited for this payment",
        "hot": f"the account that was {moved} by this transaction",
        "unknown": f"whether this address is a customer's, and the account that was {moved} by this transaction",
    }[leg.role]
    if not leg.for_others:
        return text
    return f"{text}; if its holder acts for customers of its own, which of them it was {moved} for"


def letter(made: Requests, request: Request, heading: Heading, table: str) -> str:
    """The whole letter; `table` is the name of the file with its rows."""
    parts = (
        _head(request, heading),
        _about(made, request, table),
        _asked(request, heading),
        _payments(request, several=len(made.of(request)) > 1),
        _notes(request, "the blocks" if len(made.of(request)) > 1 else "the block"),
    )
    return "\n".join(line.rstrip() for part in parts for line in part) + "\n"


def _head(request: Request, heading: Heading) -> Iterator[str]:
    to, contact = addressee(request), request.contact
    yield from _field("To", to.name)
    if to.name != request.entity:
        yield from _field("", f"({to.why}{request.entity})")
    yield from _field("Contact", contact.legal_contact if contact and contact.legal_contact else BLANK)
    yield from _field("From", heading.authority or BLANK)
    yield from _field("Reference", heading.reference or BLANK)
    yield from _field("Date", heading.date or BLANK)
    yield from _field("Legal basis", BLANK)
    yield ""
    asks = [ask for ask in heading.asks if ask != "freeze"]
    records = f"{' and '.join(asks)} records" if asks else ""
    funds = "freeze funds" if "freeze" in heading.asks else ""
    yield f"Request to {' and to '.join(part for part in (records, funds) if part)}".upper()
    yield ""
    if to.note:
        yield from _prose(to.note)
        yield ""


def _about(made: Requests, request: Request, table: str) -> Iterator[str]:
    ways = {leg.debited for leg in request.legs}
    moved = " or ".join(word for debited, word in ((False, "received"), (True, "paid")) if debited in ways)
    held = f"held by {request.entity}. That is knowledge from outside, not proof: where it is wrong, please say so."
    if len(request.legs) > 1:
        where = "public block chains" if len(made.of(request)) > 1 else "a public block chain"
        text = (
            f"The {len(request.legs):,} payments below stand in {where}. To the requester's knowledge the "
            f"addresses that {moved} them are, or were then, {held} {table} holds the same list under the same numbers."
        )
    else:
        text = (
            "The payment below stands in a public block chain. To the requester's knowledge the address that "
            f"{moved} it is, or was then, {held} {table} holds the same payment."
        )
    yield from _prose(text)
    yield ""
    tips = made.of(request)
    for tip in tips:
        yield from _field("Chain", tip.chain)
        yield from _field("CAIP-2", tip.caip2)
        yield from _field("As of", f"block {tip.height} of {tip.block_time} UTC")
        yield from _field("Block hash", tip.block_hash)
        yield ""
    chain = "their chains have" if len(tips) > 1 else "the chain has"
    yield from _prose(f"All times are UTC, those of the blocks. Amounts are whole payments as {chain} them.")
    yield ""


def _asked(request: Request, heading: Heading) -> Iterator[str]:
    yield "WHAT IS ASKED"
    yield ""
    for ask in heading.asks:
        yield from _prose(ASKS[ask], first=f"{ask.capitalize()}: ", indent="  ")
        yield ""
    yield "WHICH ACCOUNTS ARE CONCERNED"
    yield ""
    roles = {leg.role for leg in request.legs}
    for role, (kind, meaning) in _KINDS.items():
        if role in roles:
            yield from _prose(meaning, first=f"{kind.capitalize()}: ", indent="  ")
            yield ""
    if any(leg.for_others for leg in request.legs):
        yield from _prose(
            "Where it is said so, the account may be held by somebody who acts for customers of their own. Concerned "
            "is then also the customer behind the account for whom the payment was made.",
            indent="  ",
        )
        yield ""


def _payments(request: Request, *, several: bool) -> Iterator[str]:
    """`several`: they are on several chains."""
    yield "PAYMENTS"
    yield ""
    for number, leg in enumerate(request.legs, start=1):
        worth = f" (worth {' '.join(leg.worth)} at the price of that day)" if leg.worth else ""
        yield from _prose(
            f"{leg.time} UTC, {leg.decimal} {leg.asset}{worth}, {_KINDS[leg.role][0]}",
            first=f"{number:>4}. ",
            indent="",
            hang=6,
        )
        if not leg.asset_id.endswith(f"/{NATIVE}"):
            yield "      asset (its name is the contract's own word):"
            yield f"        {leg.asset_id}"
        if several:
            yield f"      on {leg.chain},"
        yield f"      {_place(leg)} of transaction, in block {leg.height}:"
        yield f"        {leg.txid}"
        yield "      paid to:" if leg.role == "withdrawal" else "      address:"
        nowhere = "no single address" if leg.vout is None else "no address: a script of its own"
        yield f"        {leg.address or nowhere}"
        yield from _prose(concerned(leg), first="concerned: ", indent="      ")
        yield ""


def _place(leg: RequestLeg) -> str:
    if leg.vout is not None:
        return f"output {leg.vout}"
    if leg.transfer_index is None:
        return "the net of several transfers"
    return f"transfer {leg.transfer_index}"


def _notes(request: Request, above: str) -> Iterator[str]:
    yield "NOTES"
    yield ""
    notes = [
        f"The list goes up to {above} named above and may leave payments out: that one is not listed says nothing "
        "about it.",
        "That an account is concerned says nothing about what its holder knew.",
    ]
    if request.contact and request.contact.retention:
        notes.append(_retention(request, request.contact.retention))
    for note in notes:
        yield from _prose(note, first="- ", indent="  ", hang=4)
    yield ""
    yield f"Signature: {BLANK}"


def _retention(request: Request, retention: str) -> str:
    oldest = request.legs[0].time[:10]
    ends = kept_until(retention, oldest)
    last = f": counted from that day, this is up to {ends}" if ends else ""
    return (
        f"You are understood to keep records so: {retention}. The oldest payment listed is of {oldest}{last}. "
        "Please see that nothing listed here is deleted when its time is over."
    )


_LABEL = 14


def _field(name: str, value: str) -> Iterator[str]:
    """`To:           Acme Ltd`; what goes over the line is hung below, no word is broken."""
    yield from _prose(value, first=f"{name}:".ljust(_LABEL) if name else " " * _LABEL, indent="", hang=_LABEL)


def _prose(text: str, *, first: str = "", indent: str = "", hang: int | None = None) -> Sequence[str]:
    """Lines of at most `WIDTH` columns; a longer word stays whole, so that it can be copied."""
    begin = indent + first
    following = " " * (len(indent) if hang is None else hang)
    return wrap(
        text, WIDTH, initial_indent=begin, subsequent_indent=following,
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip
