"""Tags and VASPs from CSV and YAML (docs/formats.md): good rows go in, bad rows get a line and a reason."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from adapters.intel.fields import Fields
from adapters.intel.rows import Rows, read_rows
from tracer.chain import AddressKey
from tracer.errors import BadClaim, UsageError
from tracer.intel import taxonomy
from tracer.intel.claims import ROLES, ClaimT, KycLevel, Reading, Tag, Vasp

ParseAddress = Callable[[str, str], tuple[str, AddressKey]]
"""(chain, address) -> (canonical text, key); raises `BadAddress` or `UsageError` with the reason."""

Advance = Callable[[int, int], None]
"""A progress callback: (rows done, rows in the file)."""

TAG_FIELDS = (
    "chain", "address", "label", "category", "actor", "role", "confidence", "source", "lastmod",
    "is_cluster_definer",
)  # fmt: skip
VASP_FIELDS = (
    "vasp_id", "name", "type", "kyc_level", "jurisdiction", "xmr_support", "valid_from", "valid_to",
    "legal_contact", "source", "assessed_at", "assessor",
)  # fmt: skip
LONGEST_ADDRESS = 200


def read_tags(path: Path, parse_address: ParseAddress, advance: Advance | None = None) -> Reading[Tag]:
    """Read one file of tags. `SourceUnavailable` where it cannot be opened; all else is a rejection."""
    return _read(read_rows(path, "tags", TAG_FIELDS), lambda row: _tag(row, parse_address), advance)


def read_vasps(path: Path, advance: Advance | None = None) -> Reading[Vasp]:
    """Read one file of VASPs, as `read_tags` does."""
    return _read(read_rows(path, "vasps", VASP_FIELDS), _vasp, advance)


def _read(found: Rows, build: Callable[[dict[str, str]], ClaimT], advance: Advance | None) -> Reading[ClaimT]:
    claims: list[ClaimT] = []
    for done, (line, row) in enumerate(found.rows, start=1):
        try:
            claims.append(build(row))
        except (BadClaim, UsageError) as error:
            found.reject(line, error.problem)
        if advance and not done % 1000:
            advance(done, len(found.rows))
    return Reading(tuple(claims), tuple(sorted(found.rejections, key=lambda r: r.line)))


def _tag(row: dict[str, str], parse_address: ParseAddress) -> Tag:
    fields = Fields(row, TAG_FIELDS)
    chain = fields.required("chain")
    text = fields.required("address")
    if len(text) > LONGEST_ADDRESS:
        raise BadClaim(f"address is longer than {LONGEST_ADDRESS} characters")
    address, key = parse_address(chain, text)
    return Tag(
        chain=chain,
        address=address,
        kind=key.kind,
        payload=key.payload,
        label=fields.required("label"),
        category=fields.one_of("category", taxonomy.load(), fields.required("category")),
        actor=fields.text("actor"),
        role=fields.one_of("role", ROLES, ""),
        confidence=fields.one_of("confidence", taxonomy.confidences(), "unknown"),
        source=fields.required("source"),
        lastmod=fields.day("lastmod"),
        is_cluster_definer=fields.yes_or_no("is_cluster_definer") or False,
    )


def _vasp(row: dict[str, str]) -> Vasp:
    fields = Fields(row, VASP_FIELDS)
    vasp = Vasp(
        vasp_id=fields.required("vasp_id"),
        name=fields.required("name"),
        type=fields.text("type"),
        kyc_level=KycLevel(fields.one_of("kyc_level", tuple(KycLevel), KycLevel.UNKNOWN)),
        jurisdiction=fields.text("jurisdiction"),
        xmr_support=fields.yes_or_no("xmr_support"),
        valid_from=fields.day("valid_from"),
        valid_to=fields.day("valid_to"),
        legal_contact=fields.text("legal_contact"),
        source=fields.required("source"),
        assessed_at=fields.day("assessed_at"),
        assessor=fields.text("assessor"),
    )
    if " " in vasp.vasp_id:
        raise BadClaim(f"vasp_id {vasp.vasp_id!r} holds a space")
    if vasp.valid_from and vasp.valid_to and vasp.valid_from > vasp.valid_to:
        raise BadClaim(f"valid_from {vasp.valid_from} is after valid_to {vasp.valid_to}")
    return vasp
