"""What the server counts, for Prometheus."""

from __future__ import annotations

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from resilver.server.pool import Pool
from resilver.server.room import Room

CONTENT_TYPE = CONTENT_TYPE_LATEST
_BUCKETS_S = (0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000)


class Metrics:
    """Counters of requests by envelope status and of pictures by mode and outcome, and how full the queue is."""

    def __init__(self, room: Room, pool: Pool) -> None:
        self._registry = CollectorRegistry()
        self.requests = Counter("resilver_requests", "Requests by status", ["status"], registry=self._registry)
        self.pictures = Counter(
            "resilver_pictures", "Pictures by mode and status", ["mode", "status"], registry=self._registry
        )
        self.seconds = Histogram(
            "resilver_picture_seconds", "Work on a picture", ["mode"], buckets=_BUCKETS_S, registry=self._registry
        )
        self.uploaded = Counter("resilver_received_bytes", "Bytes of bodies", registry=self._registry)
        for name, text, value in (
            ("resilver_room_pictures", "Pictures taken on and not answered yet", lambda: room.pictures),
            ("resilver_room_bytes", "Bytes of requests taken on and not answered yet", lambda: room.bytes),
            ("resilver_waiting_jobs", "Jobs that no worker has begun", lambda: pool.waiting),
        ):
            Gauge(name, text, registry=self._registry).set_function(value)

    def page(self) -> bytes:
        """All of it in Prometheus's text format."""
        return generate_latest(self._registry)
