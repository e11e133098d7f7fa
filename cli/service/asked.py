"""What a client asks: the body of `POST /v1/screenings`, read strictly."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator
from pydantic.json_schema import SkipJsonSchema

from cli.service.problems import Fault, Problem
from tracer.intel.claims import clean
from tracer.screening.subjects import Row

MOST_SUBJECTS = 1_000
_DEEPEST = 20
"""A question is three levels deep; deeper ones would exhaust the parser's stack."""

Text = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Reference = Annotated[str, StringConstraints(max_length=200)]
Vout = Annotated[int, Field(ge=0, lt=1 << 32)]
PolicyId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_.-]{0,63}$")]
Nothing: TypeAlias = SkipJsonSchema[None]
"""What may be left out; null is refused, so the schema does not name it."""


class SubjectAsked(BaseModel):
    """One subject: `subject` as it is typed, or `address`, or `txid` with `vout`."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={
            "oneOf": [
                {"required": ["subject"]},
                {"anyOf": [{"required": ["address"]}, {"required": ["txid"]}]},
            ]
        },
    )

    subject: Text | Nothing = Field(
        None, description="ADDRESS, TXID:VOUT or TXID@ADDRESS; `chain:` may stand before it."
    )
    address: Text | Nothing = None
    txid: Text | Nothing = None
    vout: Vout | Nothing = Field(None, description="Of an account chain: index of the transfer.")
    chain: Text | Nothing = Field(
        None, description="Short name or CAIP-2 id; not needed where the subject says it."
    )
    asset: Text | Nothing = None
    amount: Text | Nothing = Field(
        None,
        description="Of a withdrawal attempt: how much is about to leave, a decimal number of the asset.",
    )
    direction: Literal["both", "inbound", "outbound", "withdrawal"] | Nothing = None
    customer_reference: Reference | Nothing = Field(None, description="Repeated in the document; never read.")

    @model_validator(mode="after")
    def _one_subject(self) -> SubjectAsked:
        if (self.subject is None) == (self.address is None and self.txid is None):
            raise ValueError("give `subject`, or `address`, or `txid`")
        return self

    def row(self, line: int) -> Row:
        """As a row of a table; `line` from 1."""
        cells = {name: str(value) for name, value in self.model_dump(exclude_none=True).items()}
        return Row(line, cells)


Subjects = Annotated[list[SubjectAsked], Field(min_length=1, max_length=MOST_SUBJECTS)]


class ScreeningAsked(BaseModel):
    """A question: one `subject`, or many `subjects`."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={"oneOf": [{"required": ["subject"]}, {"required": ["subjects"]}]},
    )

    subject: SubjectAsked | Nothing = Field(None, description="One: the answer is its `tracer.screening/1`.")
    subjects: Subjects | Nothing = Field(None, description="Many: the answer is `tracer.screenings/1`.")
    policy: PolicyId | Nothing = Field(
        None, description="Id of one of the policies this server answers by; without it the first."
    )
    case: Reference = Field("", description="The case it belongs to (custody log).")
    purpose: Reference = Field("", description="Why it is asked (custody log).")

    @model_validator(mode="after")
    def _one_or_many(self) -> ScreeningAsked:
        if (self.subject is None) == (self.subjects is None):
            raise ValueError("give `subject` or `subjects`")
        return self

    def rows(self) -> list[Row]:
        """All subjects as rows of a table."""
        asked = [self.subject] if self.subject is not None else self.subjects or []
        return [each.row(line) for line, each in enumerate(asked, start=1)]


def read(body: bytes) -> ScreeningAsked:
    """Read a body; `Problem` 422 says where it is wrong. Nothing it holds is repeated but names of fields."""
    return _understood(_parsed(body))


def _parsed(body: bytes) -> Any:
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _refused("", f"no UTF-8 at byte {error.start}") from error
    if _depth(text) > _DEEPEST:
        raise _refused("", f"nested deeper than {_DEEPEST} levels")
    try:
        found = json.loads(text, object_pairs_hook=_once, parse_constant=_no_number)
    except json.JSONDecodeError as error:
        raise _refused("", f"no JSON: {error.msg} at line {error.lineno}, column {error.colno}") from error
    except ValueError as error:
        raise _refused("", str(error)) from error
    return found


def _understood(found: Any) -> ScreeningAsked:
    try:
        return ScreeningAsked.model_validate(found)
    except ValidationError as error:
        told = [
            each
            for each in error.errors(include_url=False, include_input=False)
            if each["loc"][-1:] != ("none",)
        ]
        faults = [Fault(at=_place(each["loc"]), problem=each["msg"]) for each in told[:50]]
        raise Problem(
            HTTPStatus.UNPROCESSABLE_ENTITY, "The question is not understood.", errors=tuple(faults)
        ) from error


def _refused(at: str, problem: str) -> Problem:
    return Problem(
        HTTPStatus.UNPROCESSABLE_ENTITY, f"The body is {problem}.", errors=(Fault(at=at, problem=problem),)
    )


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("JSON with the same name twice in one object")
    if empty := next((name for name, value in pairs if value is None), None):
        raise ValueError(f"JSON with null for {clean(empty)[:40]!r}: leave out what is not told")
    if any(_torn(text) for name, value in pairs for text in (name, value)):
        raise ValueError("JSON with half a character (a lone surrogate)")
    return found


def _torn(text: object) -> bool:
    return isinstance(text, str) and any("\ud800" <= letter <= "\udfff" for letter in text)


def _no_number(word: str) -> None:
    raise ValueError(f"JSON with {word}, which is no number")


def _depth(text: str) -> int:
    """How deep brackets stand in each other, counting those in texts too: at least the nesting."""
    depth = deepest = 0
    for letter in text:
        if letter in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif letter in "]}":
            depth = max(0, depth - 1)
    return deepest


def _place(location: tuple[int | str, ...]) -> str:
    """`subjects[2].chain`: of a location the places and names, without what pydantic calls its own steps."""
    text = ""
    for part in location:
        if isinstance(part, str) and not part.isidentifier():
            continue
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text
