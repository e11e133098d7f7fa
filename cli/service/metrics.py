"""What `GET /metrics` tells, for Prometheus. No label ever holds an address, a transaction or a caller's words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Metrics:
    """Counters of one service, in a registry of their own."""

    def __init__(self) -> None:
        self._all = CollectorRegistry()
        self.requests = Counter(
            "tracer_http_requests", "Requests answered.", ("method", "route", "status"), registry=self._all
        )
        self.seconds = Histogram(
            "tracer_http_request_seconds", "Time to answer.", ("route",), buckets=_SECONDS, registry=self._all
        )
        self.screenings = Counter(
            "tracer_screenings", "Subjects screened, by verdict.", ("chain", "verdict"), registry=self._all
        )
        self.sets = Histogram(
            "tracer_screening_set", "Subjects examined together.", ("chain",),
            buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256), registry=self._all,
        )  # fmt: skip
        self.set_seconds = Histogram(
            "tracer_screening_set_seconds", "Time to examine a set.", ("chain",), buckets=_SECONDS,
            registry=self._all,
        )  # fmt: skip
        self.waiting = Gauge(
            "tracer_screenings_waiting", "Subjects that wait.", ("chain",), registry=self._all
        )
        self.limited = Counter(
            "tracer_rate_limited", "Requests refused by the rate limit.", registry=self._all
        )
        self.denied = Counter("tracer_unauthorized", "Requests without a valid token.", registry=self._all)
        self.tip = Gauge("tracer_tip_height", "Last block read.", ("chain",), registry=self._all)
        self.tip_time = Gauge(
            "tracer_tip_time_seconds",
            "Time of the last block read, unix seconds.",
            ("chain",),
            registry=self._all,
        )
        self.synced = Gauge(
            "tracer_sync_last_success_seconds", "When a source last answered, unix seconds.", ("chain",),
            registry=self._all,
        )  # fmt: skip
        self.sync_failures = Counter(
            "tracer_sync_failures", "Turns of a sync that failed.", ("chain",), registry=self._all
        )
        self.visitors = Gauge(
            "tracer_visitors", "Connections of other verbs to the stores.", registry=self._all
        )

    def text(self) -> bytes:
        """All of it in Prometheus' text format."""
        return generate_latest(self._all)

    def tips(self, chains: Mapping[str, Mapping[str, Any]]) -> None:
        """Note the tips that health found."""
        for name, found in chains.items():
            if found["height"] is not None:
                self.tip.labels(name).set(found["height"])
                self.tip_time.labels(name).set(found["time"])
