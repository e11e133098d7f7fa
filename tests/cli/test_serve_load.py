"""Many clients at once: every one is answered, and the longest wait is known."""

from __future__ import annotations

import asyncio
import random
import sys
import time
from pathlib import Path

import httpx
import pytest

from tests.cli.serving import CHAIN, TOKEN, Server, addresses, made, serving
from tests.conftest import scaled


async def _client(
    url: str, asked: list[str], dice: random.Random, until: float, took: list[float]
) -> list[str]:
    wrong: list[str] = []
    async with httpx.AsyncClient(
        base_url=url, timeout=60, verify=False, headers={"Authorization": f"Bearer {TOKEN}"}
    ) as client:
        while time.monotonic() < until:
            subject = {"address": dice.choice(asked), "chain": CHAIN}
            began = time.monotonic()
            answer = await client.post("/v1/screenings", json={"subject": subject})
            took.append(time.monotonic() - began)
            if answer.status_code != 200 or answer.json()["subject"]["address"] != subject["address"]:
                wrong.append(f"{answer.status_code} {answer.text[:200]}")
    return wrong


def _asked(
    server: Server, clients: int, seconds: float, asked: list[str], seed: int
) -> tuple[list[float], list[str]]:
    took: list[float] = []

    async def run() -> list[list[str]]:
        until = time.monotonic() + seconds
        return await asyncio.gather(
            *(_client(server.url, asked, random.Random(seed + n), until, took) for n in range(clients))
        )

    return took, [problem for problems in asyncio.run(run()) for problem in problems]


def test_two_hundred_clients_at_once_are_all_answered(
    tmp_path: Path, dice: random.Random, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace = made(tmp_path)
    asked = addresses(workspace)
    seconds = scaled(2, full=60)
    with serving(workspace, "--rate", "0") as server:
        server.screen({"subject": {"address": asked[0], "chain": CHAIN}})  # kernels are compiled or read
        took, wrong = _asked(server, 200, seconds, asked, dice.randrange(1 << 30))
        assert wrong == []
        assert len(took) >= 200
        took.sort()
        p50, p95 = (took[int(len(took) * part)] for part in (0.5, 0.95))
        with capsys.disabled():
            sys.stdout.write(
                f"\n{len(took) / seconds:,.0f} screenings/s by 200 clients: p50 {p50:.2f} s, p95 {p95:.2f} s\n"
            )
        assert p95 < 20
        metrics = server.client.get("/metrics").text
        answered = 'tracer_http_requests_total{method="POST",route="/v1/screenings",status="200"}'
        assert f"{answered} {len(took) + 1:.1f}" in metrics
        assert server.stop() == 0
