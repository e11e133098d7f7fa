"""The HTTP API: routes, what they take and answer. FastAPI reads its OpenAPI document from here."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, MutableMapping
from http import HTTPStatus
from typing import Annotated, Any, Literal

import anyio.to_thread
from fastapi import Depends, FastAPI, Header, Path, Query, Request, Response, Security
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.security import HTTPBearer
from starlette.exceptions import HTTPException

from cli.service import asked, documents, metrics, openapi
from cli.service.asking import Service
from cli.service.problems import MEDIA_TYPE, Fault, Problem, responses
from tracer.errors import TracerError

Shape = Literal["chainalysis", "elliptic", "trm", "misttrack"]
View = Literal["full", "front-office"]
Compat = Annotated[
    Shape | None, Query(description="Answer in the JSON fields that this product's users parse.")
]
Seen = Annotated[View, Query(description="`front-office`: verdict and case number only.")]
ScreeningId = Annotated[str, Path(pattern="^[0-9a-f]{64}$", description="`screening_id` of an answer.")]
IdempotencyKey = Annotated[
    str | None,
    Header(
        min_length=1, max_length=255, pattern=r"^[\x21-\x7e]+$",
        description="The same key with the same question is answered by the same bytes for a day.",
    ),
]  # fmt: skip
_BEARER = HTTPBearer(auto_error=False, description="A token of `tracer serve --token-file`.")


def build(service: Service) -> FastAPI:
    """The application over one service."""
    app = FastAPI(
        title="Tracer",
        version=service.engine,
        summary="Screening of addresses and transfers, with evidence.",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        separate_input_output_schemas=False,
    )
    app.state.service = service
    _refusals(app)
    _routes(app, service)
    app.add_middleware(_Watched, service=service)
    openapi.documented(app)
    return app


def _admitted(request: Request, _: Annotated[Any, Security(_BEARER)]) -> str:
    service: Service = request.app.state.service
    return service.admitted(request.headers.get("authorization"), request.headers.get("host", ""))


Caller = Annotated[str, Depends(_admitted)]


def _routes(app: FastAPI, service: Service) -> None:
    @app.post(
        "/v1/screenings",
        operation_id="screen",
        summary="Screen one subject or many",
        responses={
            200: openapi.answer(many=True),
            **responses(401, 408, 409, 413, 415, 421, 422, 429, 500, 503, 504),
        },
        openapi_extra=openapi.BODY,
    )
    async def screen(
        request: Request,
        who: Caller,
        compat: Compat = None,
        view: Seen = "full",
        idempotency_key: IdempotencyKey = None,
    ) -> Response:
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Send the question as application/json.")
        body = await service.body(request)
        question = asked.read(body)
        answer, again = await service.screen(who, question, body, compat, view, idempotency_key)
        headers = {"Idempotency-Replayed": "true"} if again else None
        return Response(answer, media_type="application/json", headers=headers)

    @app.get(
        "/v1/screenings/{screening_id}",
        operation_id="screening",
        summary="A kept screening",
        dependencies=[Depends(_admitted)],
        responses={200: openapi.answer(many=False), **responses(401, 404, 421, 422, 429, 500, 503)},
    )
    async def kept(screening_id: ScreeningId, compat: Compat = None, view: Seen = "full") -> Response:
        answer = await service.kept(screening_id, compat, view)
        return Response(answer, media_type="application/json")

    @app.get(
        "/v1/health",
        operation_id="health",
        summary="Whether it lives and is ready",
        response_model=None,
        responses={
            200: {"model": documents.Health},
            503: {"model": documents.Health, "description": "It lives, and is not ready."},
            **responses(421, 500),
        },
    )
    async def health() -> JSONResponse:
        found = await anyio.to_thread.run_sync(service.health)
        return JSONResponse(found, status_code=200 if found["ready"] else 503)

    @app.get(
        "/metrics",
        operation_id="metrics",
        summary="Metrics for Prometheus",
        dependencies=[Depends(_admitted)],
        response_class=Response,
        responses={
            200: {"content": {"text/plain": {"schema": {"type": "string"}}}},
            **responses(401, 421, 429, 500),
        },
    )
    async def told() -> Response:
        found = await anyio.to_thread.run_sync(service.health)
        service.metrics.tips(found["chains"])
        return Response(service.metrics.text(), media_type=metrics.MEDIA_TYPE)


def _refusals(app: FastAPI) -> None:
    """Every refusal in one shape."""

    def said(problem: Problem) -> Response:
        return JSONResponse(
            problem.document(), status_code=problem.status, media_type=MEDIA_TYPE, headers=problem.headers
        )

    @app.exception_handler(Problem)
    async def refused(_: Request, problem: Problem) -> Response:
        return said(problem)

    @app.exception_handler(TracerError)
    async def unable(_: Request, error: TracerError) -> Response:
        return said(Problem.of(error))

    @app.exception_handler(RequestValidationError)
    async def misread(_: Request, error: RequestValidationError) -> Response:
        faults = tuple(
            Fault(at=".".join(str(part) for part in each["loc"]), problem=each["msg"])
            for each in error.errors()
        )
        return said(Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "The request is not understood.", errors=faults))

    @app.exception_handler(HTTPException)
    async def unrouted(_: Request, error: HTTPException) -> Response:
        problem = Problem(HTTPStatus(error.status_code), f"{error.detail}.")
        problem.headers = dict(error.headers or {})
        return said(problem)


Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class _Watched:
    """Counts and times requests; what is a bug is one line in the log and a 500 that says nothing of it."""

    def __init__(self, app: Any, service: Service) -> None:
        self._app, self._service = app, service

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = time.perf_counter(), 0

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noted)
        except Exception as error:
            self._service.bug(error)
            if status:  # half an answer is out
                raise
            problem = Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "A bug of the service; its log says which.")
            answer = JSONResponse(problem.document(), status_code=500, media_type=MEDIA_TYPE)
            await answer(scope, receive, noted)
        finally:
            route = getattr(scope.get("route"), "path", "none")
            method = scope["method"] if scope["method"] in ("GET", "POST", "HEAD") else "other"
            self._service.metrics.requests.labels(method, route, str(status)).inc()
            self._service.metrics.seconds.labels(route).observe(time.perf_counter() - began)
