"""Figures for monitoring."""

from litestar import Response, get
from litestar.di import NamedDependency
from prometheus_client import CONTENT_TYPE_LATEST
from sqlalchemy.ext.asyncio import AsyncSession

from services.metrics import render_metrics
from shared.clock import Clock


@get("/metrics", include_in_schema=False)
async def metrics(session: NamedDependency[AsyncSession], clock: NamedDependency[Clock]) -> Response[bytes]:
    """Answer in Prometheus' text format; needs an API key like the JSON API."""
    return Response(await render_metrics(session, now=clock()), media_type=CONTENT_TYPE_LATEST)
