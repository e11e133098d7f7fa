"""What the OpenAPI document says of questions and answers: FastAPI makes the rest of it."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from cli.service import asked, documents
from cli.service.problems import ProblemDocument


def answer(*, many: bool) -> dict[str, Any]:
    """What OpenAPI says of a 200 with screenings, in each shape it may have."""
    shapes: list[dict[str, Any]] = [
        _ref("Screening"),
        *([_ref("Screenings")] if many else []),
        _ref("FrontOffice"),
    ]
    # other products' shapes are objects or lists; they are told apart by what was asked for
    schema = {"anyOf": [*shapes, {"type": "object", "required": ["tracer"]}, {"type": "array"}]}
    described = {"description": "The verdict.", "content": {"application/json": {"schema": schema}}}
    if many:
        described["links"] = {
            "kept": {
                "operationId": "screening",
                "parameters": {"screening_id": "$response.body#/screening_id"},
            }
        }
        described["headers"] = {
            "Idempotency-Replayed": {
                "description": "`true` where the key was used before.",
                "schema": {"type": "string", "enum": ["true"]},
                "required": False,
            }
        }
    return described


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


BODY = {
    "requestBody": {"required": True, "content": {"application/json": {"schema": _ref("ScreeningAsked")}}}
}


def documented(app: FastAPI) -> None:
    """Put the schemas that routes name into the OpenAPI document."""
    from pydantic.json_schema import models_json_schema

    models = (
        asked.ScreeningAsked, documents.Screening, documents.Screenings, documents.FrontOffice, documents.Health,
        ProblemDocument,
    )  # fmt: skip
    _, made = models_json_schema(
        [(model, "validation") for model in models], ref_template="#/components/schemas/{model}"
    )
    plain = app.openapi

    def openapi() -> dict[str, Any]:
        document = plain()
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        schemas.update(made["$defs"])
        for unused in ("HTTPValidationError", "ValidationError"):
            schemas.pop(unused, None)
        return document

    app.openapi = openapi  # type: ignore[method-assign]
