"""Exceptions applied to a screening: a trigger that one covers no longer decides. What the policy judged stays in it.

A trigger is covered while all of this holds: the exception is of this subject, names its rule or category, has begun
and not ended at `evaluated_at`, and what was seen is within the ceilings. A severe trigger, one that cannot be
measured, and every trigger of a screening whose policy asks for two persons, need a second person's approval too.

`unknown` stays unknown: where every trigger is covered and coverage is not complete, that is the verdict. The risk and
the handling stay as judged: an exception says what is done, not what is so.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from tracer.screening.judge import VERDICTS
from tracer.screening.kept import grants
from tracer.screening.kept.grants import Ceiling, Grant, Key
from tracer.state import State


def apply(state: State, document: Mapping[str, Any]) -> dict[str, Any]:
    """One document (`tracer.screening/1`) with the exceptions that are there; see `apply_all`."""
    return apply_all(state, [document])[0]


def apply_all(state: State, documents: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Documents with the exceptions that are there.

    Where one is of the subject of a review or a block, `policy_verdict` and `exceptions` stand at the end, and the
    `screening_id` is made anew of all that: equal ids go on meaning equal content.
    """
    asked = [keys(document) if document["verdict"] in ("review", "block") else () for document in documents]
    wanted = {key for each in asked for key in each}
    found = grants.of_keys(state, wanted) if wanted else {}
    return [
        applied(document, [one for key in each for one in found.get(key, ())])
        for document, each in zip(documents, asked, strict=True)
    ]


def keys(document: Mapping[str, Any]) -> tuple[Key, ...]:
    """What exceptions of this subject are found by.

    An exception of an address is of the address, not of every deposit that goes there: a transfer has its own, as do
    payments to a service (cluster, entity).
    """
    subject, cluster = document["subject"], document.get("cluster") or {}
    chain, kind = subject["chain"], subject["kind"]
    if kind == "transfer":
        place = subject["vout"] if subject["vout"] is not None else subject.get("transfer_index")
        found: list[Key] = [(chain, "transfer", f"{subject['txid']}:{'' if place is None else place}")]
        if subject["direction"] != "outbound":
            return tuple(found)
    else:
        found = [(chain, "address", str(subject["address"]))]
    if cluster.get("id"):
        found.append((chain, "cluster", cluster_name(cluster["id"])))
    if cluster.get("entity"):
        found.append((chain, "entity", str(cluster["entity"]).casefold()))
    return tuple(found)


def cluster_name(identity: str) -> str:
    """The first member of `cluster:ADDRESS@HEIGHT`: what goes on naming a cluster that grows."""
    return identity.removeprefix("cluster:").rpartition("@")[0] or identity.removeprefix("cluster:")


def applied(document: Mapping[str, Any], found: Sequence[Grant]) -> dict[str, Any]:
    """A document with some exceptions of its subject: a function of both."""
    fired = [row for row in document["triggers"] if row["verdict"] in ("review", "block")]
    if not found or not fired or document["verdict"] not in ("review", "block"):
        return dict(document)
    covered: set[int] = set()
    rows = []
    for one in sorted(found, key=lambda each: each.exception_id):
        covers, whys = [], []
        for place, trigger in enumerate(fired):
            if not _names(one, trigger):
                continue
            if objection := _objection(one, trigger, document):
                whys.append(objection)
            else:
                covers.append(place)
        covered.update(covers)
        if covers or whys:
            rows.append(_row(one, [fired[place] for place in covers], whys, str(document["evaluated_at"])))
    if not rows:
        return dict(document)
    rest = [row["verdict"] for place, row in enumerate(fired) if place not in covered]
    whole = document["coverage"]["status"] == "complete" and not document["truncated"]
    verdict = max(rest, key=VERDICTS.index, default="clear" if whole else "unknown")
    said = json.dumps([document["screening_id"], rows], sort_keys=True, separators=(",", ":"))
    return {
        **document,
        "screening_id": hashlib.sha256(said.encode()).hexdigest(),
        "verdict": verdict,
        "policy_verdict": document["verdict"],
        "exceptions": rows,
    }


def measured(document: Mapping[str, Any], trigger: Mapping[str, Any]) -> Ceiling | None:
    """What was seen where a rule fired, as a ceiling that just holds. None where it cannot be measured."""
    seen, place = trigger["observed"], trigger["exposure"]
    if place is None or not seen.get("units"):
        return None
    amount = document["exposures"][place]["amount"]
    return Ceiling(
        seen["category"],
        seen["side"],
        amount.get("asset_id") or amount["asset"],
        max(int(units) for units in seen["units"].values()),
        seen["share_high"],
        trigger["rule_id"],
        " ".join(seen["type"]),
    )


def _names(one: Grant, trigger: Mapping[str, Any]) -> bool:
    category = trigger["observed"].get("category", trigger.get("category"))
    return trigger["rule_id"] in one.terms.rules or category in one.terms.categories


def _objection(one: Grant, trigger: Mapping[str, Any], document: Mapping[str, Any]) -> str:
    """Why an exception does not cover a trigger that it names; "" where it does."""
    at = str(document["evaluated_at"])
    if at < one.by.time:
        return "it was granted later"
    if (gone := one.withdrawn(at)) is not None:
        return f"{gone.by.name} withdrew it on {gone.by.time}"
    if datetime.fromisoformat(at).timestamp() >= one.terms.expires:
        return "it has expired"
    seen = measured(document, trigger)
    needs = trigger["severity"] == "severe" or document.get("second_person") or seen is None
    if needs and one.approved(at) is None:
        return "a second person must approve it"
    if seen is None:
        named = trigger["rule_id"] in one.terms.rules
        return (
            ""
            if named
            else f"{trigger['rule_id']} cannot be measured: only an exception that names it covers it"
        )
    return _above(one.terms.ceilings, seen)


def _above(ceilings: Sequence[Ceiling], seen: Ceiling) -> str:
    """What is above the ceilings; "" where nothing is. All that speak of it must hold, and one must."""
    speaking = [
        each for each in ceilings if all(getattr(each, name) in (None, getattr(seen, name)) for name in _KIND)
    ]
    if not speaking:
        return f"no ceiling speaks of {seen.category} ({seen.side}, {seen.asset})"
    assert seen.units is not None
    assert seen.share is not None
    for each in speaking:
        if each.units is not None and seen.units > each.units:
            return f"{seen.category}: {seen.units} base units of {seen.asset} are above its ceiling of {each.units}"
        if each.share is not None and Decimal(seen.share) > Decimal(each.share):
            return f"{seen.category}: a share of {seen.share} is above its ceiling of {each.share}"
    return ""


_KIND = ("category", "side", "asset", "rule", "types")
"""What a ceiling may be of."""


def _row(one: Grant, covered: Sequence[Mapping[str, Any]], whys: Sequence[str], at: str) -> dict[str, Any]:
    approved = one.approved(at)
    return {
        "exception_id": one.exception_id,
        "scope": one.terms.scope,
        "by": one.by.name,
        "approved_by": approved.by.name if approved else None,
        "applied": bool(covered),
        "covers": sorted({str(row["rule_id"]) for row in covered}),
        "fired_again": list(dict.fromkeys(whys)),
    }
