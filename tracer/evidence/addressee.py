"""Who a request goes to, what the investigator should know before sending it, and how long records are kept."""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta

from tracer.evidence.asked import Request


@dataclass(frozen=True)
class Addressee:
    """Who a letter is addressed to; why says how they stand to the service, note says so in the letter."""

    name: str
    why: str = ""
    note: str = ""


def addressee(request: Request) -> Addressee:
    """The service, or who holds its records now; the successor where it was taken over."""
    contact, entity = request.contact, request.entity
    if contact is None:
        return Addressee(entity)
    own = contact.legal_entity or entity
    ended = contact.status in ("closed", "seized")
    said = [f"{entity} is listed as {contact.status}."] if ended else []
    said += [f"{entity} was taken over by {request.successor}."] if request.successor else []
    holder = contact.records_holder or request.successor
    if contact.records_holder:
        said.append(f"The records of {entity} are understood to be held by {holder}.")
    if holder:
        why = "holder of the records of " if contact.records_holder else "successor of "
        said.append(f"This letter goes to {holder} for that reason.")
        return Addressee(holder, why, " ".join(said))
    if ended:
        said.append(
            "No holder of its records is known to the requester: if you are or know one, please say so."
        )
        return Addressee(own, "", " ".join(said))
    return Addressee(own)


def cautions(request: Request) -> list[str]:
    """What the investigator should know before sending, in plain sentences; not for the letter."""
    contact, name = request.contact, request.party
    hosted = [str(number) for number, leg in enumerate(request.legs, start=1) if leg.hosted]
    alone = {
        method: [str(number) for number, leg in enumerate(request.legs, start=1) if leg.alone == method]
        for method in sorted({leg.alone for leg in request.legs if leg.alone})
    }
    plain = not contact or not (contact.records_holder or request.successor)
    return [
        text
        for text, holds in (
            (f"{name}: no register says where a request goes", not contact or not contact.legal_contact),
            (
                f"{name} is listed as {contact.status if contact else ''}, and nobody as holder of its records",
                bool(contact and contact.status in ("closed", "seized") and plain),
            ),
            (
                f"{name} is listed as sanctioned: see whether you may address it",
                bool(contact and contact.status == "sanctioned"),
            ),
            (
                f"{name} is asked as custodian of an account that another service holds: it is not named in the letter",
                request.custodian,
            ),
            (
                f"{name}: {_numbers(hosted)} may lie at a custodian, which can be asked too: the trace names it",
                bool(hosted),
            ),
            *(
                (
                    f"{name}: {_numbers(own)} {'stands' if len(own) == 1 else 'stand'} on {method} alone: no other "
                    f"convention of the trace finds {'it' if len(own) == 1 else 'them'}",
                    True,
                )
                for method, own in alone.items()
            ),
            (
                f"{name}: all that is asked stands on one convention ({request.method}): the trace has no other",
                bool(request.method),
            ),
            (
                f"{name}: {request.left_out:,} of its payments left out as leads, as one convention alone finds them "
                "(--leads)",
                bool(request.left_out),
            ),
            (
                f"{name}: {request.protected:,} of its payments left out, as claims protect their addresses",
                bool(request.protected),
            ),
        )
        if holds
    ]


def _numbers(numbers: list[str]) -> str:
    return f"no. {', '.join(numbers[:20])}{' ...' if len(numbers) > 20 else ''}"


_SPAN = re.compile(r"\b([0-9]{1,3})\s*(year|month|day)s?\b", re.IGNORECASE | re.ASCII)


def kept_until(retention: str, day: str) -> str | None:
    """The ISO date up to which `5 years` reach from a day; None where the text names no span, or several."""
    found = _SPAN.findall(retention)
    if len(found) != 1:
        return None
    count, start = int(found[0][0]), date.fromisoformat(day)
    if found[0][1].lower() == "day":
        return str(start + timedelta(days=count)) if start.year < 9_000 else None
    months = start.month - 1 + count * (12 if found[0][1].lower() == "year" else 1)
    year, month = start.year + months // 12, months % 12 + 1
    if year > 9_999:
        return None
    return str(date(year, month, min(start.day, monthrange(year, month)[1])))
