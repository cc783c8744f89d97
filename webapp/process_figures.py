"""A process' own figures: its connections and loops, and what `services.measures` and `measured` count."""

import time
from importlib.metadata import version
from typing import cast

from prometheus_client import REGISTRY, CollectorRegistry, Gauge, generate_latest
from sqlalchemy import AsyncAdaptedQueuePool
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.heartbeat import Heartbeats


def process_figures(engine: AsyncEngine, heartbeats: Heartbeats) -> bytes:
    """Return them in Prometheus' text format; no other server is asked."""
    registry = CollectorRegistry()
    pool = cast(AsyncAdaptedQueuePool, engine.pool)
    connections = Gauge(
        "calldesk_database_pool_connections",
        "Connections of the pool, in use or waiting for use",
        ["state"],
        registry=registry,
    )
    connections.labels("in_use").set(pool.checkedout())
    connections.labels("idle").set(pool.checkedin())
    Gauge("calldesk_database_pool_size", "Most connections the pool has", registry=registry).set(pool.size())
    turns = Gauge(
        "calldesk_loop_last_turn_timestamp_seconds",
        "When a background loop turned last",
        ["loop"],
        registry=registry,
    )
    late = Gauge("calldesk_loop_hung", "1 while a loop's next turn is overdue", ["loop"], registry=registry)
    hung, now = {name.partition(":")[0] for name in heartbeats.hung()}, time.time()
    for loop, age in heartbeats.ages().items():
        turns.labels(loop).set(now - age)
        late.labels(loop).set(loop in hung)
    build = Gauge("calldesk_build_info", "1, with the version that runs", ["version"], registry=registry)
    build.labels(version("calldesk")).set(1)
    return generate_latest(registry) + generate_latest(REGISTRY)
