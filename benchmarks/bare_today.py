"""What Today is measured beside: one statement for the same rows, and one flat template that writes them."""

from datetime import date
from pathlib import Path

import asyncpg
from jinja2 import Environment, FileSystemLoader
from litestar import Litestar, get
from litestar.config.compression import CompressionConfig
from litestar.datastructures import State
from litestar.enums import MediaType

from benchmarks.busy_desk import TODAY
from services.models import SCHEMA

SHOWN = 50
"""Closed calls of a kind that Today shows, as many as `webapp.screens.desk.ROWS`."""

COLUMNS = """
    call.id, call.version, call.therapist_id, call.status, call.geplantes_datum, call.geplante_zeit,
    call.dauer_minuten, call.grund, call.versuch, call.ergebnis_art, call.abgeschlossen_at,
    call.klaerung_grund, call.bearbeitet_von, call.bearbeitet_bis, therapist.titel, therapist.vorname,
    therapist.nachname, therapist.ort, therapist.plz, therapist.telefon,
    therapist.telefonische_erreichbarkeit::text AS hours
"""
FROM = f"""
    FROM {SCHEMA}.phone_calls AS call LEFT JOIN {SCHEMA}.therapists AS therapist
        ON therapist.id = call.therapist_id
"""
ROWS = f"""
    (SELECT {COLUMNS} {FROM} WHERE call.status = 'scheduled' AND call.geplantes_datum <= $1
        ORDER BY call.geplantes_datum, call.geplante_zeit, call.id)
    UNION ALL
    (SELECT {COLUMNS} {FROM} WHERE call.status <> 'scheduled' AND call.klaerung_noetig
        ORDER BY call.abgeschlossen_at DESC LIMIT {SHOWN})
    UNION ALL
    (SELECT {COLUMNS} {FROM} WHERE call.status <> 'scheduled' AND call.abgeschlossen_at >= $1
        ORDER BY call.abgeschlossen_at DESC LIMIT {SHOWN})
"""
TEMPLATE = Environment(autoescape=True, loader=FileSystemLoader(Path(__file__).parent)).get_template(
    "bare_today.html"
)


@get("/", media_type=MediaType.HTML)
async def bare_today(state: State) -> str:
    """Show as many of the calls as Today does."""
    rows = await state.pool.fetch(ROWS, state.today)
    return TEMPLATE.render(calls=rows[-state.shown :])


def bare_app(pool: asyncpg.Pool, *, shown: int, today: date = TODAY) -> Litestar:
    """Return an application of that one page; `shown` is how many rows it writes."""
    state = State({"pool": pool, "shown": shown, "today": today})
    compression = CompressionConfig(backend="gzip", gzip_compress_level=3)
    return Litestar(
        [bare_today], state=state, compression_config=compression, openapi_config=None, logging_config=None
    )
