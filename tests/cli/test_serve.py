"""`tracer serve` as its clients see it: answers, refusals, keys, tokens, limits, restarts."""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from cli.service import documents
from tests.cli.running import tracer
from tests.cli.serving import CHAIN, TOKEN, Server, addresses, copied, eventually, made, serving
from tests.conftest import scaled


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="module")
def asked(world: Path) -> list[str]:
    return addresses(world)


@pytest.fixture(scope="module")
def server(world: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    workspace = copied(world, tmp_path_factory.mktemp("served") / "w")
    with serving(workspace, "--rate", "0", "--max-body", "20000", "--own", "exchange-kyc-1") as running:
        yield running


def refused(answer: httpx.Response, status: int, *words: str) -> Any:
    """One problem document with these words, and nothing that looks like a verdict."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == status
    assert "verdict" not in problem
    for word in words:
        assert word in answer.text
    return problem


def log(workspace: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = tracer(workspace, "case", "log", "--json").document["entries"]
    return found


def test_one_subject_is_answered_as_the_command_answers_it(server: Server, asked: list[str]) -> None:
    subject = {"address": asked[10], "chain": CHAIN, "customer_reference": "K-1"}
    answer = server.screen({"subject": subject, "case": "C-7", "purpose": "deposit"})
    assert answer.status_code == 200
    said = answer.json()
    documents.Screening.model_validate(said)
    typed = tracer(
        server.workspace, "screen", asked[10], "--chain", CHAIN, "--own", "exchange-kyc-1", "--json",
        "--evaluated-at", said["evaluated_at"],
    ).document  # fmt: skip
    said["subject"]["customer_reference"] = None
    assert {k: v for k, v in said.items() if k != "screening_id"} == {
        k: v for k, v in typed.items() if k != "screening_id"
    }


def test_it_leaves_its_line_in_the_custody_log_and_is_kept(server: Server, asked: list[str]) -> None:
    answer = server.screen(
        {"subject": {"address": asked[11], "chain": CHAIN}, "case": "C-8", "purpose": "deposit"}
    )
    line = log(server.workspace)[-1]
    assert (line["verb"], line["case_id"], line["purpose"], line["outcome"]) == (
        "screen", "C-8", "deposit", "answered",
    )  # fmt: skip
    assert line["arguments"] == ["--caller", "desk", asked[11]]
    assert line["output"] == hashlib.sha256(answer.content).hexdigest()
    name = answer.json()["screening_id"]
    assert f"screening:{name}" in line["inputs"]
    assert server.client.get(f"/v1/screenings/{name}").json() == answer.json()
    front = server.client.get(f"/v1/screenings/{name}", params={"view": "front-office"}).json()
    assert set(front) == {"schema", "verdict", "case"}


def test_many_are_answered_in_their_order_and_bad_ones_are_named(server: Server, asked: list[str]) -> None:
    subjects = [{"address": address, "chain": CHAIN} for address in asked[20:24]]
    subjects.insert(2, {"address": "nonsense", "chain": CHAIN})
    said = server.screen({"subjects": subjects}).json()
    documents.Screenings.model_validate(said)
    assert [one["subject"]["address"] for one in said["documents"]] == asked[20:24]
    assert [row["index"] for row in said["rejected"]] == [2]
    alone = [server.screen({"subject": subjects[0]}).json(), said["documents"][0]]
    for one in alone:
        del one["evaluated_at"]
    assert alone[0] == alone[1]


def test_transfers_and_withdrawals_are_subjects_too(server: Server, world: Path, asked: list[str]) -> None:
    from adapters.chains import chain_named
    from tracer.ledger.store import Ledger
    from tracer.workspace import Workspace

    with Ledger.open(Workspace(world), chain_named(CHAIN)) as ledger:
        (txid,) = ledger.render_txids(
            i for (i,) in ledger.db.rows("SELECT tx_id FROM tx ORDER BY tx_id DESC LIMIT 1")
        ).values()
    found = server.screen(
        {
            "subjects": [
                {"txid": txid, "vout": 0, "chain": CHAIN, "direction": "inbound"},
                {"subject": f"{CHAIN}:{txid}:0"},
                {"address": asked[5], "chain": CHAIN, "amount": "0.25"},
            ]
        }
    ).json()["documents"]
    assert [one["subject"]["kind"] for one in found] == ["transfer", "transfer", "withdrawal_attempt"]
    assert found[2]["subject"]["amount"]["base_units"] == "25000000"


def test_other_products_fields_are_there_on_request(server: Server, asked: list[str]) -> None:
    body = {"subject": {"address": asked[12], "chain": CHAIN}}
    shapes = [
        server.screen(body, params={"compat": name}).json()
        for name in ("chainalysis", "elliptic", "trm", "misttrack")
    ]
    assert "riskReason" in shapes[0]
    assert len({json.dumps(shape, sort_keys=True) for shape in shapes}) == 4
    refused(server.screen(body, params={"compat": "nobody"}), 422, "compat")


def test_an_address_nobody_saw_is_never_clear(server: Server) -> None:
    body = {"subject": {"address": "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "chain": "bitcoin"}}
    assert server.screen(body).json()["verdict"] == "unknown"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"{", "no JSON"),
        (b"", "no JSON"),
        (b'{"subject": NaN}', "no number"),
        (b'{"subject": {"address": "a", "address": "b"}}', "twice"),
        (b'{"subject": null}', "null"),
        (b"\xff\xfe", "UTF-8"),
        (b"[" * 5_000 + b"]" * 5_000, "nested"),
        (b'{"subject": {"address": "\\ud800"}}', "half a character"),
        (b"[]", "valid dictionary"),
        (b"{}", "give `subject` or `subjects`"),
        (b'{"subject": {}}', "give `subject`, or"),
        (b'{"subject": {"address": "x"}, "subjects": []}', "subjects"),
        (b'{"subject": {"address": 7}}', "subject.address"),
        (b'{"subject": {"txid": "ab", "vout": "0"}}', "subject.vout"),
        (b'{"subject": {"txid": "ab", "vout": true}}', "subject.vout"),
        (b'{"subject": {"adress": "x"}}', "subject.adress"),
        (b'{"subject": {"address": "x"}, "policy": "/etc/passwd"}', "policy"),
        (b'{"subject": {"address": "x"}, "policy": "nobodys"}', "does not answer by that policy"),
        (b'{"subject": {"address": "nonsense", "chain": "bitcoin-regtest"}}', "nonsense"),
        (b'{"subject": {"address": "x", "chain": "nochain"}}', "nochain"),
        (b'{"subjects": [' + b'{"address": "x"},' * 1_100 + b'{"address": "x"}]}', "1000"),
    ],
)  # fmt: skip
def test_a_question_that_is_not_understood_is_refused_where_it_is_wrong(
    server: Server, body: bytes, words: str
) -> None:
    answer = server.client.post("/v1/screenings", content=body, headers={"content-type": "application/json"})
    refused(answer, 422, words)


def test_a_private_key_is_refused_and_never_repeated(server: Server) -> None:
    key = "5HueCGU8rMjxEXxiPuD5BDku4MkFqeZyd4dZ1jvhTVqvbTLvyTJ"
    answer = server.screen({"subject": {"address": key, "chain": "bitcoin"}})
    refused(answer, 422)
    assert key not in answer.text


def test_what_is_too_long_or_of_another_kind_is_refused(server: Server) -> None:
    long = b'{"subject": {"address": "' + b"x" * 30_000 + b'"}}'
    headers = {"content-type": "application/json"}
    refused(server.client.post("/v1/screenings", content=long, headers=headers), 413)
    # the same without saying so before
    refused(server.client.post("/v1/screenings", content=iter([long]), headers=headers), 413)
    refused(server.client.post("/v1/screenings", content=b"{}", headers={"content-type": "text/plain"}), 415)
    refused(server.client.delete("/v1/screenings"), 405)
    refused(server.client.get("/v2"), 404)
    refused(server.client.get("/v1/screenings/" + "0" * 64), 404)
    refused(server.client.get("/v1/screenings/abc"), 422)


@pytest.mark.parametrize(
    "headers",
    [{}, {"Authorization": "Bearer wrong"}, {"Authorization": TOKEN}, {"Authorization": f"Basic {TOKEN}"},
     {"Authorization": f"Bearer {TOKEN}x"}, {"Authorization": "Bearer \u00e9".encode("latin-1")}],
)  # fmt: skip
def test_without_a_valid_token_nothing_is_told(server: Server, asked: list[str], headers: Any) -> None:
    before = len(log(server.workspace))
    with httpx.Client(base_url=server.url, headers=headers) as stranger:
        body = {"subject": {"address": asked[0], "chain": CHAIN}}
        answers = [
            stranger.post("/v1/screenings", json=body),
            stranger.post("/v1/screenings", content=b"{"),
            stranger.get("/v1/screenings/" + "0" * 64),
            stranger.get("/metrics"),
        ]
        for answer in answers:
            refused(answer, 401)
            assert answer.headers["www-authenticate"] == "Bearer"
    assert len(log(server.workspace)) == before


def test_health_and_metrics_tell_how_it_is_and_of_nobody(server: Server, asked: list[str]) -> None:
    server.screen({"subject": {"address": asked[30], "chain": CHAIN}, "case": "C-99"})
    with httpx.Client(base_url=server.url) as stranger:
        health = stranger.get("/v1/health")
    assert health.status_code == 200
    documents.Health.model_validate(health.json())
    assert health.json()["chains"][CHAIN]["height"] > 0
    metrics = server.client.get("/metrics").text
    assert f'tracer_tip_height{{chain="{CHAIN}"}}' in metrics
    assert "tracer_screenings_total{" in metrics
    for word in (asked[30], "C-99", TOKEN, "desk"):
        assert word not in metrics


def test_a_key_is_answered_by_the_same_bytes_also_after_a_restart(
    world: Path, asked: list[str], tmp_path: Path
) -> None:
    workspace = copied(world, tmp_path / "w")
    headers = {"Idempotency-Key": "order-1"}
    body = {"subject": {"address": asked[40], "chain": CHAIN}}
    with serving(workspace) as running:
        first = running.screen(body, headers=headers)
        again = running.screen(body, headers=headers)
        assert (first.status_code, again.content) == (200, first.content)
        assert ("idempotency-replayed" in first.headers, again.headers["idempotency-replayed"]) == (
            False,
            "true",
        )
        assert len(log(workspace)) == 1
        other = {"subject": {"address": asked[41], "chain": CHAIN}}
        refused(running.screen(other, headers=headers), 422, "another question")
        refused(running.screen(body, headers=headers, params={"view": "front-office"}), 422)
        refused(running.screen(body, headers={"Idempotency-Key": "x" * 300}), 422)
        running.process.send_signal(signal.SIGKILL)
        running.process.wait()
    with serving(workspace, TRACER_API_TOKENS=f"desk:{TOKEN} night:{TOKEN}2") as running:
        assert running.screen(body, headers=headers).content == first.content
        mine = {**headers, "Authorization": f"Bearer {TOKEN}2"}  # another caller's key is another key
        assert "idempotency-replayed" not in running.screen(body, headers=mine).headers
        assert [line["arguments"][1] for line in log(workspace)] == ["desk", "night"]
        assert running.stop() == 0


def test_it_ends_soon_whenever_it_is_told_to(world: Path, tmp_path: Path, dice: random.Random) -> None:
    """Its threads import and open stores in the first tenths of a second."""
    workspace = copied(world, tmp_path / "w")
    for _ in range(scaled(8, full=200)):
        with serving(workspace) as running:
            time.sleep(dice.uniform(0.0, 0.2))
            began = time.monotonic()
            assert running.stop(dice.choice((signal.SIGINT, signal.SIGTERM))) == 0
            assert time.monotonic() - began < 20
            assert running.said[-1] == "stopped; what was committed is kept\n"


def test_one_key_at_the_same_time_is_answered_once(server: Server, asked: list[str]) -> None:
    body = {"subjects": [{"address": address, "chain": CHAIN} for address in asked[:100]]}
    answers: list[httpx.Response] = []

    def ask() -> None:
        answers.append(server.screen(body, headers={"Idempotency-Key": "at-once"}))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    fresh = [a for a in answers if a.status_code == 200 and "idempotency-replayed" not in a.headers]
    assert len(fresh) == 1
    for answer in answers:
        if answer.status_code == 409:
            assert refused(answer, 409)
            assert answer.headers["retry-after"] == "1"
        else:
            assert answer.content == fresh[0].content


def test_a_caller_that_asks_too_much_waits_and_another_does_not(
    world: Path, asked: list[str], tmp_path: Path
) -> None:
    workspace = copied(world, tmp_path / "w")
    tokens = f"desk:{TOKEN} night:{TOKEN}2"
    with serving(workspace, "--rate", "0.5", "--burst", "3", TRACER_API_TOKENS=tokens) as running:
        name = "0" * 64
        statuses = [running.client.get(f"/v1/screenings/{name}").status_code for _ in range(4)]
        assert statuses == [404, 404, 404, 429]
        answer = running.client.get(f"/v1/screenings/{name}")
        refused(answer, 429)
        assert 1 <= int(answer.headers["retry-after"]) <= 2
        night = {"Authorization": f"Bearer {TOKEN}2"}
        assert running.client.get(f"/v1/screenings/{name}", headers=night).status_code == 404
        eventually(lambda: running.client.get(f"/v1/screenings/{name}").status_code == 404, 10)
        assert running.client.get("/v1/health").status_code == 200


def test_an_answer_that_takes_too_long_is_not_waited_for(
    world: Path, asked: list[str], tmp_path: Path
) -> None:
    with serving(copied(world, tmp_path / "w"), "--timeout", "0.1") as running:
        body = {"subjects": [{"address": address, "chain": CHAIN} for address in asked[:300]]}
        refused(running.screen(body), 504)
        eventually(lambda: running.screen({"subject": body["subjects"][0]}).status_code == 200)


def test_without_tokens_only_this_machine_under_its_own_name_is_answered(world: Path, tmp_path: Path) -> None:
    workspace = copied(world, tmp_path / "w")
    with serving(workspace, TRACER_API_TOKENS="") as running:
        del running.client.headers["Authorization"]
        assert running.client.get("/v1/screenings/" + "0" * 64).status_code == 404
        for host in ("evil.example", "evil.example:80", "localhost.evil.example"):
            refused(running.client.get("/v1/screenings/" + "0" * 64, headers={"Host": host}), 421)
    tracer(workspace, "serve", "--host", "0.0.0.0").refused(2, "no token was given", "--token-file")


def test_what_is_wrong_at_the_start_is_one_line(world: Path, tmp_path: Path, server: Server) -> None:
    workspace = copied(world, tmp_path / "w")
    file = tmp_path / "tokens"
    file.write_text(f"desk {TOKEN}\n")
    file.chmod(0o644)
    tracer(workspace, "serve", "--token-file", file).refused(2, "others can read", "chmod 600")
    file.chmod(0o600)
    file.write_text(f"{TOKEN}\n")
    ran = tracer(workspace, "serve", "--token-file", file)
    ran.refused(2, "less than 20 characters")
    file.write_text("desk short\n")
    tracer(workspace, "serve", "--token-file", file).refused(2, "less than 20 characters")
    tracer(workspace, "serve", "--token-file", tmp_path / "none").refused(2, "cannot read")
    tracer(workspace, "serve", "--policy", "nobodys").refused(2, "nobodys")
    tracer(workspace, "serve", "--source", "bitcoin-regtest").refused(2, "no source for bitcoin-regtest")
    tracer(workspace, "serve", "--source", "bitcoin=esplora:http://x").refused(2, "esplora")
    tracer(workspace, "serve", "--host", "203.0.113.7", TRACER_API_TOKENS=f"a:{TOKEN}").refused(
        2, "203.0.113.7"
    )
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        tracer(workspace, "serve", "--port", port).refused(3, f"port {port}", "taken")
    tracer(server.workspace, "serve", "--port", "0").refused(3, "another `tracer serve` runs")


KEY = "5HueCGU8rMjxEXxiPuD5BDku4MkFqeZyd4dZ1jvhTVqvbTLvyTJ"


def test_no_secret_stands_in_its_output_or_its_workspace(
    world: Path, asked: list[str], tmp_path: Path
) -> None:
    workspace = copied(world, tmp_path / "w")
    with serving(workspace) as running:
        running.screen({"subject": {"address": asked[1], "chain": CHAIN}})
        running.client.get("/v1/nothing", params={"token": TOKEN})
        good = {"address": asked[2], "chain": CHAIN}
        for body in (
            {"subject": good, "case": KEY},
            {"subject": good, "purpose": f"he sent {KEY}"},
            {"subject": {"subject": KEY}},
            {"subject": {**good, "customer_reference": KEY}},
            {"subject": {**good, "asset": KEY, "amount": "1"}},
        ):
            answer = running.screen(body)
            assert (answer.status_code, KEY in answer.text) == (422, False), body
        many = running.screen({"subjects": [good, {"subject": KEY}]})
        assert (len(many.json()["rejected"]), KEY in many.text) == (1, False)
        running.client.get("/v1/health", headers={"Authorization": "Bearer wrong-but-secret-too"})
        assert running.stop() == 0
        said = "".join(running.said).encode()
    for path in workspace.rglob("*"):
        said += path.read_bytes() if path.is_file() else b""
    assert TOKEN.encode() not in said
    assert KEY.encode() not in said
    assert b"wrong-but-secret-too" not in said


def test_without_the_extra_it_says_what_to_install(world: Path, tmp_path: Path) -> None:
    """Another Python's folder of packages, in which the extra's are not."""
    hidden = tmp_path / "sitecustomize.py"
    hidden.write_text(
        "import importlib.util as u\n"
        "found = u.find_spec\n"
        "u.find_spec = lambda name, *a: None if name in ('fastapi', 'uvicorn') else found(name, *a)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-m", "cli.main", "serve"],
        env={**os.environ, "TRACER_WORKSPACE": str(world), "PYTHONPATH": str(tmp_path)},
        capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert ran.returncode == 2
    assert (
        ran.stderr
        == "error: `tracer serve` needs fastapi, uvicorn. Install them with `pip install 'tracer[serve]'`.\n"
    )
