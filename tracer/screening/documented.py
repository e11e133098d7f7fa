"""Evidence and lists read back out of a screening's document, so that it can be judged again without a ledger."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tracer.errors import DataError, UsageError
from tracer.flow.question import seconds
from tracer.screening.listed import Listed
from tracer.screening.model import (
    Cluster,
    Designation,
    Evidence,
    Exposure,
    Identification,
    Subject,
    Tip,
)

SCHEMA = "tracer.screening/1"
Document = Mapping[str, Any]


def of_document(document: Document) -> Evidence:
    """The evidence a document was made of: all that a policy may see of it. `DataError` where it is none."""
    _checked(document)
    try:
        return _evidence(document)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _no_screening(f"{type(error).__name__}: {error}") from error


def lists_of(document: Document) -> tuple[Listed, ...]:
    """The lists that were loaded then, without those a policy only wished for."""
    _checked(document)
    try:
        return tuple(
            Listed(
                list=row["list"],
                version=row["version"],
                published=row["published"],
                rows=row["rows"],
                status="missing" if row["status"] == "missing" else "loaded",
                kind=row.get("kind", ""),
            )
            for row in document["coverage"]["intel"]
            if row["version"] is not None
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise _no_screening(f"{type(error).__name__}: {error}") from error


def evaluated_at_of(document: Document) -> int:
    """When it was judged, unix seconds; the document writes it as text or number."""
    said = document.get("evaluated_at")
    if isinstance(said, int):
        return said
    try:
        return seconds(str(said))
    except UsageError as error:
        raise _no_screening("it does not say when it was judged") from error


def _checked(document: Document) -> None:
    if not isinstance(document, Mapping) or document.get("schema") != SCHEMA:
        raise _no_screening(f"its schema is not {SCHEMA}")


def _no_screening(why: str) -> DataError:
    return DataError(
        f"this is no screening that can be judged again: {why}.", hint="Screen the subject anew."
    )


def _evidence(document: Document) -> Evidence:
    said, coverage = document["subject"], document["coverage"]
    tips = document["as_of"]
    chains = coverage["chains"]
    units = said.get("amount")
    return Evidence(
        subject=Subject(
            kind=said["kind"],
            chain=said["chain"],
            text=said["address"] or said["txid"] or "",
            address=said["address"],
            txid=said["txid"],
            vout=said["vout"],
            transfer_index=said["transfer_index"],
            asset=said["asset"],
            units=None if units is None else int(units["base_units"]),
            direction=said["direction"],
            reference=said.get("customer_reference") or "",
        ),
        tip=Tip(**{name: tips[0][name] for name in _TIP}) if tips else None,
        seen=document["seen"],
        exposures=tuple(_exposure(row) for row in document["exposures"]),
        identifications=tuple(_identification(row) for row in document["identifications"]),
        designations=_designations(document),
        cluster=None if document["cluster"] is None else Cluster(**document["cluster"]),
        protected=tuple(document["protected"]),
        bursts=tuple(document["bursts"]),
        findings=tuple(document["findings"]),
        truncated=document["truncated"],
        gaps=tuple(coverage.get("gaps", ())),
        missing=tuple((first, last) for chain in chains for first, last in chain["missing"]),
        blocks=tuple((first, last) for chain in chains for first, last in chain["blocks"]),
        chain_state=said.get("chain_state"),
        claims=frozenset(document.get("claims", ())),
    )


_TIP = ("chain", "caip2", "height", "block_hash", "block_time", "clustering")


def _exposure(row: Mapping[str, Any]) -> Exposure:
    amount = row["amount"]
    decimals = amount["decimals"] if "decimals" in amount else len(amount["decimal"].partition(".")[2])
    return Exposure(
        category=row["category"],
        side=row["side"],
        type=row["type"],
        entity=row["entity"],
        vasp_id=row["vasp_id"],
        kyc_level=row["kyc_level"],
        words=frozenset(row["words"]),
        units={method: int(units) for method, units in row["units"].items()},
        total=int(row["total"]),
        min_hops=row["min_hops"],
        solicited=row["solicited"],
        first_time=row["first_time"],
        last_time=row["last_time"],
        paths=tuple(tuple(path) for path in row["paths"]),
        claims=frozenset(row["claims"]),
        labels_later=row["labels_later"],
        listed=tuple(_designation(one) for one in row["listed"]),
        asset=amount["asset"],
        asset_id=amount.get("asset_id"),
        decimals=decimals or 0,
        fiat=amount["fiat"],
    )


def _identification(row: Mapping[str, Any]) -> Identification:
    return Identification(
        label=row["label"],
        category=row["category"],
        source=row["source"],
        date=row["date"],
        confidence=row["confidence"],
        claim=row["claim"],
        words=frozenset(row["words"]),
        entity=row["entity"],
        whole_cluster=row["whole_cluster"],
        tlp=row["tlp"],
    )


def _designations(document: Document) -> tuple[Designation, ...]:
    return tuple(_designation(row) for row in document.get("designations", ()))


def _designation(row: Mapping[str, Any]) -> Designation:
    return Designation(
        row["list"], row["list_version"], row["designated_at"] or "", row["claim"], row["programme"]
    )
