"""How the API says no: one shape for every refusal (RFC 9457, `application/problem+json`)."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from tracer.errors import SourceError, TracerError, UsageError
from tracer.intel.claims import clean

MEDIA_TYPE = "application/problem+json"
AGAIN_SECONDS = 5
"""After how long to try again what cannot be served now."""


class Fault(BaseModel):
    """One thing that is wrong with a request."""

    at: str = Field(description="Where in the request, e.g. `subjects[2].chain`.")
    problem: str


class ProblemDocument(BaseModel):
    """Why a request was not answered."""

    model_config = ConfigDict(extra="forbid")

    type: str = "about:blank"
    title: str
    status: int
    detail: str = Field(description="One line: what is wrong, and what to do next.")
    errors: list[Fault] = Field(default_factory=list)


class Problem(Exception):
    """A refusal on its way to the client."""

    def __init__(
        self, status: HTTPStatus, detail: str, *, errors: tuple[Fault, ...] = (), **headers: str
    ) -> None:
        """`headers`: more headers, with `_` for `-`."""
        super().__init__(detail)
        self.status = status
        self.detail = clean(detail)
        self.errors = errors
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}

    @classmethod
    def of(cls, error: TracerError) -> Problem:
        """What an error of the engine is to a client: its own fault, or something that may pass, or ours."""
        if isinstance(error, UsageError):
            return cls(HTTPStatus.UNPROCESSABLE_ENTITY, str(error))
        if isinstance(error, SourceError):
            return cls(HTTPStatus.SERVICE_UNAVAILABLE, str(error), Retry_After=str(AGAIN_SECONDS))
        return cls(HTTPStatus.SERVICE_UNAVAILABLE, str(error), Retry_After="60")

    def document(self) -> dict[str, Any]:
        """The body."""
        document = ProblemDocument(
            title=self.status.phrase, status=self.status, detail=self.detail, errors=list(self.errors)
        )
        return document.model_dump()


_WORDS = {
    401: "No valid token. `WWW-Authenticate: Bearer`.",
    404: "Nothing of that name is kept.",
    405: "The path does not take this method.",
    408: "The body did not arrive in time.",
    409: "The same question under the same key is being answered now.",
    413: "The body is longer than this server takes.",
    415: "The body is not declared as `application/json`.",
    421: "Asked for by another name than this machine's.",
    422: "The request is not understood; `errors` says where.",
    429: "More requests than the caller's rate allows. `Retry-After` says when to go on.",
    500: "A bug.",
    503: "The store, a source or the disk cannot serve now. `Retry-After` says when to try again.",
    504: "The answer took longer than this server lets one wait.",
}


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What OpenAPI says of refusals; `Retry-After` and `WWW-Authenticate` where they come with one."""
    told: dict[int | str, dict[str, Any]] = {}
    for status in statuses:
        told[status] = {"description": _WORDS[status], "content": {MEDIA_TYPE: {"schema": _SCHEMA}}}
        header = {429: "Retry-After", 409: "Retry-After", 503: "Retry-After", 401: "WWW-Authenticate"}.get(
            status
        )
        if header:
            kind = {"type": "string"} if status == 401 else {"type": "integer", "minimum": 1}
            told[status]["headers"] = {header: {"schema": kind, "required": True}}
    return told


_SCHEMA = {"$ref": "#/components/schemas/ProblemDocument"}
