"""What every sink owes: what is taken arrived whole, what failed is said so in one line, and never with a secret."""

from __future__ import annotations

import base64
import json
import logging
import multiprocessing
import os
import socket
import sys
import time
import traceback
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook as Verifier
from standardwebhooks.webhooks import WebhookVerificationError

from adapters.delivery.channels import load
from adapters.delivery.checkin import check_in
from adapters.delivery.jsonl import JsonLines
from adapters.delivery.options import Address
from adapters.delivery.stdout import Stdout
from adapters.delivery.syslog import DATAGRAM
from adapters.delivery.webhook import key
from tests.nodes.receivers import CERTIFICATE, Hook, LogHost, Mailbox, Says, hook, log_host, mailbox
from tracer.errors import DataError
from tracer.watching.sink import Channel, Envelope, Refused, Retry, Sink

CANARY = "c4nary" + "0" * 26
WHSEC = "whsec_" + base64.b64encode(CANARY.encode()).decode()
OLD = "whsec_" + base64.b64encode(b"the secret of last year, 32 byte").decode()
OTHER = "whsec_" + base64.b64encode(b"another secret, of 32 bytes.....").decode()
HOSTILE = 'a\nb\r\x00\x1b[31m\x7f\u202e"\u2028ü'
DOCUMENT = {"schema": "tracer.alert/1", "alert_id": "ab" * 32, "revision": 2, "label": HOSTILE}
BODY = json.dumps(DOCUMENT, ensure_ascii=False, separators=(",", ":")).encode()


def letter(number: int = 0, body: bytes = BODY) -> Envelope:
    return Envelope(f"{number:064x}", 2, body, f"transfer {number}", f"transfer {number}\n\nSchrödinger\n")


def channels(folder: Path, text: str) -> dict[str, Channel]:
    (folder / "channels.toml").write_text(text)
    found = load(folder)
    assert found is not None
    return dict(found.channels)


class Kind(ABC):
    """One kind of sink with a receiver behind it."""

    name: str

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder = folder

    @abstractmethod
    def table(self) -> str:
        """The channel's keys."""

    @abstractmethod
    def arrived(self, count: int) -> list[str]:
        """Ids (or, where none stands in it, numbers as text) of what arrived, repetitions too."""

    @abstractmethod
    def breaks(self) -> None:
        """From now on nothing is taken."""

    def open(self) -> Sink:
        return channels(self.folder, f"[channels.x]\nkind = {self.name!r}\n{self.table()}")["x"].open()


class OfHook(Kind):
    name = "webhook"

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        super().__init__(folder, stack)
        self.hook: Hook = stack.enter_context(hook())

    def table(self) -> str:
        return f"url = {self.hook.url!r}\nsecret_env = 'CANARY_WEBHOOK'"

    def arrived(self, count: int) -> list[str]:
        return self.hook.ids()

    def breaks(self) -> None:
        self.hook.answer = lambda _: Says(500, body=CANARY.encode())


class OfMail(Kind):
    name = "email"

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        super().__init__(folder, stack)
        self.box: Mailbox = stack.enter_context(mailbox())

    def table(self) -> str:
        return (
            f"host = '127.0.0.1'\nport = {self.box.port}\ntls = 'none'\nfrom = 'tracer@example.org'\n"
            "to = ['desk@example.org']"
        )

    def arrived(self, count: int) -> list[str]:
        return [mail["Message-ID"].strip("<>").removesuffix("@tracer.invalid") for mail in self.box.mails]

    def breaks(self) -> None:
        self.box.says["DATA"] = f"451 {CANARY}"


class OfFile(Kind):
    name = "jsonl"

    def table(self) -> str:
        return "path = 'alerts.jsonl'"

    def arrived(self, count: int) -> list[str]:
        lines = (self.folder / "alerts.jsonl").read_bytes().splitlines()
        return [f"{json.loads(line)['alert_id']}.2" for line in lines]

    def breaks(self) -> None:
        path = self.folder / "alerts.jsonl"
        path.unlink(missing_ok=True)
        path.mkdir()


class OfPipe(Kind):
    name = "stdout"

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        super().__init__(folder, stack)
        self.out, self.stack = StringIO(), stack

    def table(self) -> str:
        return ""

    def arrived(self, count: int) -> list[str]:
        return [f"{json.loads(line)['alert_id']}.2" for line in self.out.getvalue().split("\n")[:-1]]

    def breaks(self) -> None:
        self.out.close()

    def open(self) -> Sink:
        self.stack.callback(setattr, sys, "stdout", sys.stdout)
        sys.stdout = self.out
        return super().open()


class OfLog(Kind):
    name = "syslog"
    transport = "udp"

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        super().__init__(folder, stack)
        self.host: LogHost = stack.enter_context(log_host(self.transport, folder))
        self.address = self.host.address

    def table(self) -> str:
        return f"address = {self.address!r}"

    def arrived(self, count: int) -> list[str]:
        found = self.host.wait(count)
        return [f"{json.loads(message.split(b' - ')[3])['alert_id']}.2" for message in found]

    def breaks(self) -> None:
        self.address = {
            "udp": "udp://name.invalid:514",
            "tcp": "tcp://127.0.0.1:1",
            "unix": "unix:/nowhere/log",
        }[self.transport]


class OfTcpLog(OfLog):
    transport = "tcp"


class OfUnixLog(OfLog):
    transport = "unix"


class OfChat(Kind):
    """apprise's own JSON service against an HTTP server of ours."""

    name = "chat"

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        super().__init__(folder, stack)
        self.hook: Hook = stack.enter_context(hook())
        os.environ["CANARY_CHAT"] = self.hook.url.replace("http://", f"json://user:{CANARY}@")
        stack.callback(os.environ.pop, "CANARY_CHAT")

    def table(self) -> str:
        return "url_env = 'CANARY_CHAT'"

    def arrived(self, count: int) -> list[str]:
        titles = [each.document["title"] for each in self.hook.taken]
        return [f"{int(title.removeprefix('transfer ')):064x}.2" for title in titles]

    def breaks(self) -> None:
        self.hook.answer = lambda _: Says(500, body=CANARY.encode())


KINDS: list[type[Kind]] = [OfHook, OfMail, OfFile, OfPipe, OfLog, OfTcpLog, OfUnixLog, OfChat]


@pytest.fixture(params=KINDS, ids=lambda kind: f"{kind.name}-{getattr(kind, 'transport', '')}".strip("-"))
def kind(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Kind]:
    monkeypatch.setenv("CANARY_WEBHOOK", WHSEC)
    with ExitStack() as stack:
        yield request.param(tmp_path, stack)


def numbered(number: int) -> Envelope:
    return letter(number, json.dumps({**DOCUMENT, "alert_id": f"{number:064x}"}, ensure_ascii=False).encode())


def test_what_is_sent_arrives_once_whole_and_with_its_id(kind: Kind) -> None:
    sink = kind.open()
    for number in range(5):
        sink.send(numbered(number), now=time.time())
    sink.close()
    assert kind.arrived(5) == [numbered(number).id for number in range(5)]


def test_sent_again_it_has_the_same_id(kind: Kind) -> None:
    sink = kind.open()
    for _ in range(2):
        sink.send(numbered(7), now=time.time())
    sink.close()
    assert kind.arrived(2) == [numbered(7).id] * 2


def test_many_threads_send_at_once(kind: Kind) -> None:
    from concurrent.futures import ThreadPoolExecutor

    sink = kind.open()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: sink.send(numbered(number), now=time.time()), range(20)))
    sink.close()
    assert sorted(kind.arrived(20)) == sorted(numbered(number).id for number in range(20))


def test_a_receiver_that_takes_nothing_is_one_line_without_a_secret(
    kind: Kind, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    kind.breaks()
    sink = kind.open()
    with pytest.raises(Retry) as caught:
        sink.send(numbered(1), now=time.time())
    sink.close()
    logged = "".join(
        record.getMessage() for record in caplog.records if record.name != "mail.log"
    )  # not its own
    said = "".join(capfd.readouterr()) + logged + "".join(traceback.format_exception(caught.value))
    assert "\n" not in caught.value.why
    assert CANARY not in said
    assert WHSEC not in said


# ---- webhooks


@contextmanager
def posting(folder: Path, receiver: Hook, more: str = "") -> Iterator[Sink]:
    text = f"[channels.x]\nkind = 'webhook'\nurl = {receiver.url!r}\nsecret_env = ['CANARY_WEBHOOK']\n{more}"
    sink = channels(folder, text)["x"].open()
    yield sink
    sink.close()


@pytest.fixture(autouse=True)
def _secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANARY_WEBHOOK", f"{WHSEC} {OLD}")


def test_a_receiver_verifies_it_with_either_secret_and_no_other(tmp_path: Path) -> None:
    with hook() as receiver, posting(tmp_path, receiver) as sink:
        sink.send(letter(), now=time.time())
    got = receiver.taken[0]
    for secret in (WHSEC, OLD):
        assert Verifier(secret).verify(got.body, got.headers) == DOCUMENT
    with pytest.raises(WebhookVerificationError):
        Verifier("whsec_" + base64.b64encode(b"another secret, of 32 bytes.....").decode()).verify(
            got.body, got.headers
        )
    with pytest.raises(WebhookVerificationError):
        Verifier(WHSEC).verify(got.body.replace(b"alert", b"alarm"), got.headers)
    assert got.headers["webhook-id"] == letter().id
    assert got.headers["content-type"] == "application/json"


def test_the_receiver_of_the_manual_verifies_it(tmp_path: Path) -> None:
    page = Path(__file__).parents[2] / "docs" / "alerting.md"
    told: dict[str, Any] = {}
    exec(page.read_text().partition("```python\n")[2].partition("```")[0], told)
    with hook() as receiver, posting(tmp_path, receiver) as sink:
        sink.send(letter(), now=time.time())
        sink.send(letter(), now=time.time() - 600)
    good, old = receiver.taken
    assert told["verified"](good.headers, good.body, WHSEC)
    assert told["verified"](good.headers, good.body, OLD)
    assert not told["verified"](good.headers, good.body, OTHER)
    assert not told["verified"](good.headers, good.body + b" ", WHSEC)
    assert not told["verified"](old.headers, old.body, WHSEC)


ANSWERS: dict[str, tuple[Says, type[Exception] | None, float]] = {
    "200": (Says(200), None, 0),
    "204": (Says(204, body=b""), None, 0),
    "a long answer": (Says(200, body=b"x" * 300_000), None, 0),
    "301": (Says(301, {"location": "http://127.0.0.1:1/"}), Retry, 0),
    "400": (Says(400), Refused, 0),
    "401": (Says(401), Retry, 0),
    "404": (Says(404), Retry, 0),
    "410": (Says(410), Refused, 0),
    "413": (Says(413), Refused, 0),
    "429 with a wait": (Says(429, {"retry-after": "42"}), Retry, 42),
    "429 with nonsense": (Says(429, {"retry-after": "soon"}), Retry, 0),
    "429 for ever": (Says(429, {"retry-after": "99999999999"}), Retry, 6 * 3600),
    "500": (Says(500), Retry, 0),
    "503": (Says(503, {"retry-after": "7"}), Retry, 7),
    "it breaks off after taking it": (Says(200, drops=True), Retry, 0),
    "it hangs": (Says(200, hangs=30), Retry, 0),
    "it drips": (Says(500, drips=True), Retry, 0),
}


@pytest.mark.parametrize("case", ANSWERS)
def test_what_an_answer_means(tmp_path: Path, case: str) -> None:
    says, meant, after = ANSWERS[case]
    with hook(lambda _: says) as receiver, posting(tmp_path, receiver, "timeout = '500ms'") as sink:
        began = time.monotonic()
        if meant is None:
            sink.send(letter(), now=time.time())
        else:
            with pytest.raises(meant) as caught:
                sink.send(letter(), now=time.time())
            if isinstance(caught.value, Retry):
                assert caught.value.after == after
            if isinstance(caught.value, Refused):
                assert caught.value.gone == (case == "410")
        assert time.monotonic() - began < 3
    assert len(receiver.got) == 1


def test_a_redirect_is_not_followed(tmp_path: Path) -> None:
    with hook() as elsewhere, hook(lambda _: Says(307, {"location": elsewhere.url})) as receiver:
        with posting(tmp_path, receiver) as sink, pytest.raises(Retry, match="somewhere else"):
            sink.send(letter(), now=time.time())
        assert elsewhere.got == []


def test_a_login_of_a_netrc_is_not_sent_along(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password s3cret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with hook() as receiver, posting(tmp_path, receiver) as sink:
        sink.send(letter(), now=time.time())
    assert "authorization" not in receiver.got[0].headers


def test_a_certificate_that_nobody_trusts_ends_it_unless_it_is_named(tmp_path: Path) -> None:
    with hook(tls=True) as receiver:
        with posting(tmp_path, receiver) as sink, pytest.raises(Retry, match="no valid certificate"):
            sink.send(letter(), now=time.time())
        assert receiver.got == []
        with posting(tmp_path, receiver, f"ca = '{CERTIFICATE}'") as sink:
            sink.send(letter(), now=time.time())
            sink.send(letter(), now=time.time())
        assert receiver.ids() == [letter().id] * 2


# ---- chat


def test_no_label_is_markup_in_a_chat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with hook() as receiver:
        monkeypatch.setenv("CANARY_CHAT", receiver.url.replace("http://", "json://") + "?format=html")
        sink = channels(tmp_path, "[channels.x]\nkind = 'chat'\nurl_env = 'CANARY_CHAT'")["x"].open()
        sink.send(Envelope("ab" * 32, 1, b"{}", "<b>title", "<a href='x'>label</a>"), now=0)
    assert "<a" not in receiver.taken[0].document["message"]
    assert "label" in receiver.taken[0].document["message"]


# ---- mail


def mailing(folder: Path, box: Mailbox, more: str = "") -> Sink:
    text = (
        f"[channels.x]\nkind = 'email'\nhost = '127.0.0.1'\nport = {box.port}\nfrom = 'tracer@example.org'\n"
        f"to = ['a@example.org', 'b@example.org']\n{more}"
    )
    return channels(folder, text)["x"].open()


def test_a_mail_is_plain_text_that_no_label_can_bend(tmp_path: Path) -> None:
    with mailbox() as box:
        said = Envelope("ab" * 32, 1, BODY, "x" * 300, "ü" * 2000 + "\n", marking="TLP:AMBER")
        mailing(tmp_path, box, "tls = 'none'").send(said, now=1_700_000_000)
    mail: Any = box.mails[0]
    assert mail.get_content_type() == "text/plain"
    assert mail.get_content().strip() == "ü" * 2000
    assert mail["Subject"].startswith("[TLP:AMBER] Tracer: xxx")
    assert mail["Date"] == "Tue, 14 Nov 2023 22:13:20 +0000"
    assert mail["To"] == "a@example.org, b@example.org"


@pytest.mark.parametrize(
    ("says", "meant"),
    [
        ({"RCPT": "550 no such user"}, Refused),
        ({"RCPT": "451 later"}, Retry),
        ({"a@example.org": "550 no such user"}, Refused),
        ({"a@example.org": "450 greylisted"}, Retry),
        ({"DATA": "554 spam"}, Refused),
        ({"DATA": "452 full"}, Retry),
    ],
)
def test_what_a_mail_server_says(tmp_path: Path, says: dict[str, str], meant: type[Exception]) -> None:
    with mailbox() as box:
        box.says.update(says)
        with pytest.raises(meant, match="SMTP"):
            mailing(tmp_path, box, "tls = 'none'").send(letter(), now=time.time())


def test_a_mail_server_without_encryption_is_not_given_the_mail_nor_the_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CANARY_MAIL", CANARY)
    with mailbox() as box, pytest.raises(Retry, match="STARTTLS") as caught:
        mailing(tmp_path, box, "user = 'u'\npassword_env = 'CANARY_MAIL'").send(letter(), now=time.time())
    assert box.mails == []
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize(
    ("password", "ca", "why"),
    [
        (CANARY, True, None),
        ("wr0ng" + CANARY, True, "refuses our login"),
        (CANARY, False, "no valid certificate"),
    ],
)
def test_a_login_goes_over_tls_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, password: str, ca: bool, why: str | None
) -> None:
    monkeypatch.setenv("CANARY_MAIL", password)
    with mailbox(CANARY) as box:
        more = "user = 'u'\npassword_env = 'CANARY_MAIL'" + (f"\nca = '{CERTIFICATE}'" if ca else "")
        sink = mailing(tmp_path, box, more)
        if why is None:
            sink.send(letter(), now=time.time())
            assert len(box.mails) == 1
            return
        with pytest.raises(Retry, match=why) as caught:
            sink.send(letter(), now=time.time())
        assert box.mails == []
        assert CANARY not in "".join(traceback.format_exception(caught.value))


def test_a_mail_server_that_hangs_is_left_in_time(tmp_path: Path) -> None:
    with mailbox() as box:
        box.hangs = 2
        began = time.monotonic()
        with pytest.raises(Retry, match="in time"):
            mailing(tmp_path, box, "tls = 'none'\ntimeout = '300ms'").send(letter(), now=time.time())
        assert time.monotonic() - began < 1.5


# ---- files, log hosts


def test_a_file_that_was_rotated_away_is_made_again(tmp_path: Path) -> None:
    path = tmp_path / "alerts.jsonl"
    sink = JsonLines(path)
    sink.send(numbered(1), now=0)
    path.rename(tmp_path / "alerts.jsonl.1")
    sink.send(numbered(2), now=0)
    assert json.loads(path.read_text())["alert_id"] == f"{2:064x}"
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_line_that_a_kill_cut_is_ended_before_the_next(tmp_path: Path) -> None:
    path = tmp_path / "alerts.jsonl"
    path.write_bytes(b'{"alert_id": "cut of')
    JsonLines(path).send(numbered(1), now=0)
    assert json.loads(path.read_bytes().splitlines()[1])["alert_id"] == f"{1:064x}"


def test_a_full_disk_is_told() -> None:
    with pytest.raises(Retry, match="cannot be written"):
        JsonLines(Path("/dev/full")).send(numbered(1), now=0)


def _append(path: Path, first: int) -> None:
    sink = JsonLines(path)
    for number in range(first, first + 50):
        sink.send(numbered(number), now=0)


def test_processes_append_whole_lines(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    path = tmp_path / "alerts.jsonl"
    workers = [context.Process(target=_append, args=(path, 50 * number)) for number in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    ids = {json.loads(line)["alert_id"] for line in path.read_bytes().splitlines()}
    assert ids == {f"{number:064x}" for number in range(150)}


@pytest.mark.parametrize("transport", ["udp", "tcp", "unix"])
def test_a_log_line_is_rfc_5424_and_holds_no_control_character(tmp_path: Path, transport: str) -> None:
    with log_host(transport, tmp_path) as host:
        sink = channels(tmp_path, f"[channels.x]\nkind = 'syslog'\naddress = {host.address!r}")["x"].open()
        said = Envelope("ab" * 32, 2, BODY, "t", "t", severity="severe")
        sink.send(said, now=1_700_000_000.25)
        message = host.wait(1)[0]
    head, _, text = message.partition(b" - tracer - alert - ")
    assert head == b"<130>1 2023-11-14T22:13:20.250Z"
    assert all(0x20 <= byte < 0x7F for byte in message)
    assert json.loads(text) == DOCUMENT


def test_an_alert_too_long_for_a_datagram_goes_as_its_id(tmp_path: Path) -> None:
    body = json.dumps({**DOCUMENT, "legs": "x" * DATAGRAM}).encode()
    with log_host("udp", tmp_path) as host:
        sink = channels(tmp_path, f"[channels.x]\nkind = 'syslog'\naddress = {host.address!r}")["x"].open()
        sink.send(letter(3, body), now=0)
        message = host.wait(1)[0]
    said = json.loads(message.partition(b" - alert - ")[2])
    assert said == {"id": letter(3).id, "title": "transfer 3", "shortened": True}


def test_a_log_host_that_resets_the_line_did_not_take_it(tmp_path: Path) -> None:
    import struct
    import threading

    with socket.create_server(("127.0.0.1", 0)) as server:

        def reset() -> None:
            peer, _ = server.accept()
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            peer.close()

        thread = threading.Thread(target=reset)
        thread.start()
        address = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        sink = channels(tmp_path, f"[channels.x]\nkind = 'syslog'\naddress = {address!r}")["x"].open()
        with pytest.raises(Retry):
            sink.send(letter(), now=0)
        thread.join()


# ---- proxies, plain lines, what never ends


def test_what_is_not_encrypted_goes_through_no_proxy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with hook() as proxy, hook() as receiver, posting(tmp_path, receiver) as sink:
        for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        sink.send(letter(), now=time.time())
        check_in(Address(receiver.url, None))
    assert proxy.got == []
    assert len(receiver.got) == 2


def test_a_proxy_that_drips_is_given_up_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with hook(lambda _: Says(drips=True)) as proxy, hook(tls=True) as receiver:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        with posting(tmp_path, receiver, f"ca = '{CERTIFICATE}'\ntimeout = '500ms'") as sink:
            began = time.monotonic()
            with pytest.raises(Retry, match="in time"):
                sink.send(letter(), now=time.time())
            assert time.monotonic() - began < 3
    assert len(proxy.got) == 1


@pytest.mark.parametrize("table", ["channels.x", "checkin"])
def test_a_secret_url_that_is_not_encrypted_is_refused_as_any(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, table: str
) -> None:
    monkeypatch.setenv("CANARY_URL", f"http://soc.example/{CANARY}")
    more = "kind = 'webhook'\nsecret_env = 'CANARY_WEBHOOK'\n" if table == "channels.x" else ""
    for allowed in ("", "allow_http = true\n"):
        (tmp_path / "channels.toml").write_text(f"[{table}]\nurl_env = 'CANARY_URL'\n{more}{allowed}")
        found = load(tmp_path)
        assert found is not None
        opened = found.channels["x"].open if found.monitor is None else found.monitor.url.read
        if allowed:
            opened()
        else:
            with pytest.raises(Retry, match="not encrypted") as caught:
                opened()
            assert CANARY not in caught.value.why


@pytest.mark.parametrize("url", ["https://user:pw@soc.example/", f"https://{CANARY}@soc.example/"])
def test_a_url_with_a_login_stands_in_no_file(tmp_path: Path, url: str) -> None:
    with pytest.raises(DataError, match="may not stand in this file") as caught:
        channels(tmp_path, f"[channels.x]\nkind = 'webhook'\nurl = {url!r}\nsecret_env = 'CANARY_WEBHOOK'")
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize(
    "secret", ["whsec_" + base64.urlsafe_b64encode(b"\xff" * 32).decode(), "whsec_*" + "A" * 31, "whsec_AAAA"]
)
def test_a_secret_that_receivers_would_read_otherwise_signs_nothing(secret: str) -> None:
    with pytest.raises(Retry, match="base64"):
        key(secret)


def test_a_secret_needs_no_padding() -> None:
    assert key("whsec_" + base64.b64encode(b"a" * 25).decode().rstrip("=")) == b"a" * 25


@pytest.mark.parametrize("says", [Says(302, {"location": "/"}), Says(500), Says(drips=True)])
def test_a_monitor_that_was_not_told_is_said_so_in_time(says: Says) -> None:
    with hook(lambda number: Says() if number else says) as monitor:
        began = time.monotonic()
        with pytest.raises(Retry):
            check_in(Address(monitor.url, None), timeout=0.5)
        assert time.monotonic() - began < 3
    assert len(monitor.got) == 1


def test_a_mail_server_that_wants_another_login_is_no_refusal_of_the_mail(tmp_path: Path) -> None:
    with mailbox("s3cret") as box, pytest.raises(Retry, match="SMTP 530"):
        mailing(tmp_path, box, "tls = 'none'").send(letter(), now=time.time())


def test_a_standard_output_that_nobody_reads_is_left_alone_after_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reader, writer = os.pipe()
    with os.fdopen(reader, "rb", buffering=0) as reading, os.fdopen(writer, "w") as writing:
        monkeypatch.setattr(sys, "stdout", writing)
        sink = Stdout(timeout=0.3)
        sink.send(numbered(1), now=0)
        with pytest.raises(Retry, match="nobody reads"):
            sink.send(letter(2, b'"' + b"x" * 200_000 + b'"'), now=0)
        os.set_blocking(reader, False)
        first = b"".join(iter(lambda: reading.read(1 << 16), None))
        sink.send(numbered(3), now=0)
        lines = (first + reading.read(1 << 16)).splitlines()
    assert json.loads(lines[0])["alert_id"] == f"{1:064x}"
    assert json.loads(lines[-1])["alert_id"] == f"{3:064x}"


def test_a_file_that_somebody_keeps_locked_is_left_alone_after_a_while(tmp_path: Path) -> None:
    import fcntl

    path = tmp_path / "alerts.jsonl"
    with path.open("wb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(Retry, match="locked"):
            JsonLines(path, timeout=0.2).send(numbered(1), now=0)
    JsonLines(path, timeout=0.2).send(numbered(1), now=0)
    assert json.loads(path.read_bytes())["alert_id"] == f"{1:064x}"
