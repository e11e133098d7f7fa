"""One exchange over HTTP: under a deadline, without logins, without redirects, plain lines past every proxy."""

from __future__ import annotations

import contextlib
import threading
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from adapters.delivery.deadline import Deadline
from tracer.watching.sink import Retry

if TYPE_CHECKING:
    import requests

CONNECT, READ = 5.0, 10.0
"""Seconds to connect, and between two bytes (P)."""
_READ_MOST = 1 << 16
_current = threading.local()


def session(url: str) -> requests.Session:
    """For one URL and one thread. A proxy of the environment sees encrypted lines only."""
    import requests

    made = requests.Session()
    made.auth = lambda request: request  # logins of a .netrc are not for us
    made.trust_env = urlsplit(url).scheme == "https"
    for scheme in ("http://", "https://"):
        made.mount(scheme, _watched()())
    return made


def exchange(
    session: requests.Session,
    method: str,
    url: str,
    *,
    timeout: float,
    headers: dict[str, str],
    body: bytes | None = None,
    authority: str | None = None,
) -> requests.Response:
    """The answer (its words are dropped: they are nothing to us); `Retry` where there was none within `timeout`."""
    import requests

    deadline = Deadline(timeout)
    try:
        with deadline:
            _current.deadline = deadline
            response = session.request(
                method, url, data=body, headers=headers, stream=True, allow_redirects=False,
                timeout=(min(CONNECT, timeout), min(READ, timeout)),
                verify=authority or True,  # of the session, it would give way to the environment's
            )  # fmt: skip
            _drop(response)
    except requests.exceptions.SSLError:
        raise Retry("does not answer in time" if deadline.passed else "has no valid certificate") from None
    except requests.Timeout:
        raise Retry("does not answer in time") from None
    except (requests.RequestException, OSError):
        late = deadline.passed
        raise Retry("does not answer in time" if late else "cannot be reached, or breaks off") from None
    return response


def _drop(response: requests.Response) -> None:
    """Read a short answer so that the connection can be used again."""
    import urllib3

    with contextlib.suppress(urllib3.exceptions.HTTPError, OSError):
        response.raw.read(_READ_MOST)
    response.close()


@cache
def _watched() -> type[Any]:
    """An adapter of requests whose connections stand under the deadline of the thread that uses them."""
    from requests.adapters import HTTPAdapter
    from urllib3.connection import HTTPConnection, HTTPSConnection
    from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

    class Watching:
        def _new_conn(self) -> Any:
            made = super()._new_conn()  # type: ignore[misc]
            _current.deadline.watch(made)
            return made

        def putrequest(self, *arguments: Any, **more: Any) -> None:
            if getattr(self, "sock", None) is not None:
                _current.deadline.watch(self.sock)  # type: ignore[attr-defined]
            super().putrequest(*arguments, **more)  # type: ignore[misc]

    plain = type("Plain", (HTTPConnectionPool,), {"ConnectionCls": type("P", (Watching, HTTPConnection), {})})
    tls = type("Tls", (HTTPSConnectionPool,), {"ConnectionCls": type("S", (Watching, HTTPSConnection), {})})
    pools = {"http": plain, "https": tls}

    class Adapter(HTTPAdapter):
        def init_poolmanager(self, *arguments: Any, **more: Any) -> None:
            super().init_poolmanager(*arguments, **more)
            self.poolmanager.pool_classes_by_scheme = pools

        def proxy_manager_for(self, proxy: str, **more: Any) -> Any:
            made = super().proxy_manager_for(proxy, **more)
            if urlsplit(proxy).scheme in pools:  # SOCKS has connections of its own
                made.pool_classes_by_scheme = pools
            return made

    return Adapter
