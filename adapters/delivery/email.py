"""Alerts by mail. A repeated one has the same Message-ID; mail servers and readers tell it by that."""

from __future__ import annotations

import contextlib
import smtplib
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP as FORMAT
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

from adapters.delivery.deadline import Deadline
from adapters.delivery.options import Options, Secret, loopback
from tracer.watching.sink import Envelope, Refused, Retry, Sink

if TYPE_CHECKING:
    import socket

READ, WHOLE = 15.0, 60.0
"""Seconds for one answer, and for all of an attempt (P)."""
_PORTS = {"starttls": 587, "tls": 465, "none": 25}


@dataclass(frozen=True)
class Server:
    """How a mail server is reached. `authority`: file of certificates beside the system's own."""

    host: str
    port: int
    tls: str
    user: str = ""
    password: Secret | None = None
    authority: str | None = None
    timeout: float = WHOLE


def configured(options: Options) -> Callable[[], Sink]:
    """`host`, `port`, `tls` (starttls, tls, none), `user`, `password_env|_file`, `from`, `to`, `ca`, `timeout`."""
    tls = options.choice("tls", tuple(_PORTS), "starttls")
    host, user = options.text("host"), options.text("user", "")
    password = options.secret("password", needed=bool(user))
    if tls == "none" and user and not loopback(host):
        raise options.wrong("a login over a line that is not encrypted", 'Say tls = "starttls" or "tls".')
    server = Server(
        host, options.number("port", _PORTS[tls], 1, 65535), tls, user, password,
        str(options.path("ca")) if options.has("ca") else None, options.seconds("timeout", WHOLE),
    )  # fmt: skip
    sender, to = options.text("from"), options.texts("to")
    for each in (sender, *to):
        if (
            "@" not in each
            or any(letter.isspace() or letter in "<>," for letter in each)
            or not each.isascii()
        ):
            raise options.wrong(f"{each!r} is no mail address")
    return lambda: Email(server, sender, to)


class Email:
    """A mail server, and whom it brings alerts."""

    def __init__(self, server: Server, sender: str, to: Sequence[str]) -> None:
        self._server, self._from, self._to = server, sender, tuple(to)
        self._trusted: ssl.SSLContext | None = None

    def send(self, envelope: Envelope, *, now: float) -> None:
        """One connection, one mail. Where some are refused for good, nobody is sent it twice: it is a dead letter."""
        message = letter(envelope, self._from, self._to, now)
        deadline = Deadline(self._server.timeout)
        try:
            with deadline:
                line = self._connected(deadline)
                try:
                    refused = line.send_message(message, self._from, list(self._to))
                finally:
                    # whatever the farewell says: the mail was taken, or not
                    with contextlib.suppress(smtplib.SMTPException, OSError):
                        line.quit()
                    line.close()
        except smtplib.SMTPRecipientsRefused as error:
            raise self._of([code for code, _ in error.recipients.values()], "the recipients") from None
        except smtplib.SMTPAuthenticationError as error:
            raise Retry(f"refuses our login ({error.smtp_code})") from None
        except smtplib.SMTPDataError as error:
            raise self._of([error.smtp_code], "the mail") from None
        except smtplib.SMTPResponseException as error:  # us, not this mail: that can be put right
            raise Retry(f"does not serve us (SMTP {error.smtp_code})") from None
        except smtplib.SMTPNotSupportedError:
            raise Retry("offers no STARTTLS, or no login that we know") from None
        except ssl.SSLError:
            raise Retry("has no valid certificate") from None
        except (smtplib.SMTPException, OSError) as error:
            late = deadline.passed or isinstance(error, TimeoutError)
            raise Retry("does not answer in time" if late else "cannot be reached, or breaks off") from None
        if refused:
            raise self._of([code for code, _ in refused.values()], f"{len(refused)} of the recipients")

    def close(self) -> None:
        """Nothing is kept open."""

    @staticmethod
    def _of(codes: Sequence[int], what: str) -> Exception:
        said = f"refuses {what} (SMTP {min(codes)})"
        return Refused(said) if all(code >= 500 for code in codes) else Retry(said)

    def _connected(self, deadline: Deadline) -> smtplib.SMTP:
        class Watched:
            def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
                made: socket.socket = super()._get_socket(host, port, timeout)  # type: ignore[misc]
                deadline.watch(made)
                return made

        server = self._server
        timeout = min(READ, server.timeout)
        # our own name in the greeting would tell where this runs
        how: dict[str, Any] = {"timeout": timeout, "local_hostname": "localhost"}
        line: smtplib.SMTP
        if server.tls == "tls":
            line = type("Tls", (Watched, smtplib.SMTP_SSL), {})(
                server.host, server.port, context=self._context(), **how
            )
        else:
            line = type("Plain", (Watched, smtplib.SMTP), {})(server.host, server.port, **how)
        try:
            if server.tls == "starttls":
                line.starttls(context=self._context())
            if server.user and server.password is not None:
                line.login(server.user, server.password.read()[0])
        except BaseException:
            line.close()
            raise
        return line

    def _context(self) -> ssl.SSLContext:
        """Made once: reading all authorities takes longer than a mail."""
        if (made := self._trusted) is None:
            made = ssl.create_default_context()
            if self._server.authority is not None:
                made.load_verify_locations(self._server.authority)
            self._trusted = made
        return made


def letter(envelope: Envelope, sender: str, to: Sequence[str], now: float) -> EmailMessage:
    """The mail of an envelope: plain text."""
    message = EmailMessage(policy=FORMAT)
    message["From"], message["To"] = sender, ", ".join(to)
    marking = f"[{envelope.marking}] " if envelope.marking else ""
    message["Subject"] = f"{marking}Tracer: {envelope.title}"[:200]
    message["Date"] = format_datetime(datetime.fromtimestamp(int(now), UTC))
    message["Message-ID"] = f"<{envelope.id}@tracer.invalid>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(envelope.text, cte="base64" if not envelope.text.isascii() else "quoted-printable")
    return message
