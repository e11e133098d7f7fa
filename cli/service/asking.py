"""What the API does with a request: admit it, read it, have it screened, have it written down. Knows no routes."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from typing import Any

import anyio.to_thread
import click
from starlette.requests import ClientDisconnect, Request

from cli.service import answers, repeats
from cli.service.asked import ScreeningAsked
from cli.service.clerk import Clerk, Filing
from cli.service.desk import Desk
from cli.service.limits import Buckets
from cli.service.metrics import Metrics
from cli.service.problems import Fault, Problem
from cli.service.tokens import LOCAL, Tokens
from tracer.errors import BadSubject
from tracer.screening.kept import store
from tracer.screening.model import Subject
from tracer.screening.policy import Policy
from tracer.screening.screen import Screened
from tracer.screening.subjects import Reading, of_row

_HERE = frozenset({"localhost", "127.0.0.1", "[::1]", "::1"})
_BODY_SECONDS = 15.0


@dataclass
class Service:
    """All that answers of one running `tracer serve`.

    policies  by id; the first is asked where a question names none
    reading   how texts are read as subjects now
    health    `tracer.health/1`
    seconds   longest wait for an answer
    most      longest body, bytes
    """

    engine: str
    tokens: Tokens
    buckets: Buckets
    desk: Desk
    clerk: Clerk
    metrics: Metrics
    policies: Mapping[str, Policy]
    reading: Callable[[], Reading]
    health: Callable[[], dict[str, Any]]
    seconds: float
    most: int
    _answering: set[tuple[str, str]] = field(default_factory=set)

    def admitted(self, authorization: str | None, host: str) -> str:
        """Whose request it is; `Problem` where it is nobody's, or too much for one."""
        if self.tokens:
            name = self.tokens.name_of(authorization)
            if name is None:
                self.metrics.denied.inc()
                raise Problem(HTTPStatus.UNAUTHORIZED, "No valid token was sent.", WWW_Authenticate="Bearer")
        else:
            # no token: a page in a browser must not reach us under a name of its own
            if host.rpartition(":")[0] not in _HERE and host not in _HERE:
                raise Problem(HTTPStatus.MISDIRECTED_REQUEST, "Ask for localhost.")
            name = LOCAL
        wait = self.buckets.take(name)
        if wait is not None:
            self.metrics.limited.inc()
            raise Problem(
                HTTPStatus.TOO_MANY_REQUESTS, f"Too many requests; again in {wait} s.", Retry_After=str(wait)
            )
        return name

    async def body(self, request: Request) -> bytes:
        """A request's body; `Problem` where it is too long or does not come."""
        too_long = Problem(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"Send {self.most:,} bytes at most.", Connection="close"
        )
        declared = request.headers.get("content-length", "")
        if declared.isdigit() and int(declared) > self.most:
            raise too_long
        body = bytearray()
        try:
            async with asyncio.timeout(_BODY_SECONDS):
                async for part in request.stream():
                    body += part
                    if len(body) > self.most:
                        raise too_long
        except TimeoutError as error:
            raise Problem(
                HTTPStatus.REQUEST_TIMEOUT, "The body did not come in time.", Connection="close"
            ) from error
        except ClientDisconnect as error:
            raise Problem(HTTPStatus.REQUEST_TIMEOUT, "The body did not come.") from error
        return bytes(body)

    async def screen(
        self, caller: str, asked: ScreeningAsked, body: bytes, compat: str | None, view: str, key: str | None
    ) -> tuple[bytes, bool]:
        """The answer, and whether it was given before."""
        policy = self._policy(asked.policy)
        if key is None:
            return await self._screened(caller, asked, policy, compat, view, None), False
        said = hashlib.sha256(b"\0".join((body, (compat or "").encode(), view.encode()))).hexdigest()
        named = repeats.Key(caller, key, said)
        if (caller, key) in self._answering:
            raise Problem(
                HTTPStatus.CONFLICT, "The question under this key is being answered.", Retry_After="1"
            )
        self._answering.add((caller, key))
        try:
            found = await asyncio.wrap_future(
                self.clerk.ask(lambda state: repeats.find(state, named, int(time.time())))
            )
            if found is None:
                return await self._screened(caller, asked, policy, compat, view, named), False
        finally:
            self._answering.discard((caller, key))
        same, answer = found
        if not same:
            raise Problem(
                HTTPStatus.UNPROCESSABLE_ENTITY, "This Idempotency-Key was used for another question.",
                errors=(Fault(at="header.idempotency-key", problem="used for another question"),),
            )  # fmt: skip
        return answer, True

    async def kept(self, screening_id: str, compat: str | None, view: str) -> bytes:
        """A kept screening; `Problem` 404 where there is none."""
        document = await asyncio.wrap_future(self.clerk.ask(lambda state: store.get(state, screening_id)))
        if document is None:
            raise Problem(HTTPStatus.NOT_FOUND, "No screening of this id is kept.")
        return answers.as_bytes(answers.shaped(document, compat, view))

    def bug(self, error: Exception) -> None:
        """One line for the log; nothing of a request, which may hold what must not stand there."""
        place = error.__traceback__
        while place is not None and place.tb_next is not None:
            place = place.tb_next
        where = "" if place is None else f" at {place.tb_frame.f_code.co_qualname}:{place.tb_lineno}"
        click.echo(f"bug: {type(error).__name__}{where}", err=True)

    def _policy(self, name: str | None) -> Policy:
        if name is None:
            return next(iter(self.policies.values()))
        if name not in self.policies:
            raise Problem(
                HTTPStatus.UNPROCESSABLE_ENTITY, f"This server does not answer by that policy, but by "
                f"{', '.join(self.policies)}.", errors=(Fault(at="policy", problem="not served here"),),
            )  # fmt: skip
        return self.policies[name]

    async def _screened(
        self,
        caller: str,
        asked: ScreeningAsked,
        policy: Policy,
        compat: str | None,
        view: str,
        key: repeats.Key | None,
    ) -> bytes:
        read = await anyio.to_thread.run_sync(self._read, asked)
        subjects = [subject for subject in read if isinstance(subject, Subject)]
        rejected = [(at, error) for at, error in enumerate(read) if isinstance(error, BadSubject)]
        if asked.subject is not None and rejected:
            raise Problem(
                HTTPStatus.UNPROCESSABLE_ENTITY, str(rejected[0][1]),
                errors=(Fault(at="subject", problem=str(rejected[0][1])),),
            )  # fmt: skip
        try:
            async with asyncio.timeout(self.seconds):
                screened = await self._answers(policy, subjects)
                filing = Filing(
                    policy, screened, asked.case,
                    render=partial(answers.rendered, asked, rejected, compat, view),
                    line=partial(answers.line, caller, asked, policy, subjects, screened), key=key,
                )  # fmt: skip
                answer = await asyncio.wrap_future(self.clerk.file(filing))
        except TimeoutError as error:
            raise Problem(HTTPStatus.GATEWAY_TIMEOUT, f"No answer within {self.seconds:g} s.") from error
        for one in screened:
            self.metrics.screenings.labels(one.document["subject"]["chain"], one.document["verdict"]).inc()
        return answer

    def _read(self, asked: ScreeningAsked) -> list[Subject | BadSubject]:
        by, read = self.reading(), list[Subject | BadSubject]()
        for at, text in (("case", asked.case), ("purpose", asked.purpose)):
            if (kind := by.secret(text)) is not None:
                fault = Fault(at=at, problem=f"holds {kind}")
                raise Problem(
                    HTTPStatus.UNPROCESSABLE_ENTITY,
                    "The question holds a secret; it was not kept.",
                    errors=(fault,),
                )
        for row in asked.rows():
            try:
                read.append(of_row(row, by))
            except BadSubject as error:
                read.append(error)
        return read

    async def _answers(self, policy: Policy, subjects: Sequence[Subject]) -> list[Screened]:
        """Answers in the order of the subjects; those of each chain are one question."""
        chains = list(dict.fromkeys(subject.chain for subject in subjects))
        asked = [
            self.desk.ask(chain, policy.id, [subject for subject in subjects if subject.chain == chain])
            for chain in chains
        ]
        found = await asyncio.gather(*(asyncio.wrap_future(each) for each in asked))
        by_chain = {chain: iter(answer) for chain, answer in zip(chains, found, strict=True)}
        return [next(by_chain[subject.chain]) for subject in subjects]
