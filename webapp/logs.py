"""Structured logs on standard error: JSON in production, lines for people elsewhere."""

import logging
import sys
import traceback
from pathlib import Path
from types import TracebackType

import structlog

from shared.config import Settings
from shared.reasons import words_of

QUIET = ("httpx", "httpcore", "aiosmtplib", "imapclient", "sqlalchemy", "mail.log")
SILENT = ("aiokafka", "opentelemetry")
"""Report every reconnect and export as an error; `RobustKafkaProducer` and `shared.tracing` say it once."""

ROOT = Path(__file__).parents[1]
OURS = tuple(f"{ROOT / folder}/" for folder in ("webapp", "services", "shared", "migrations"))
MOST_CAUSES = 5
MOST_FRAMES = 8

log = structlog.get_logger(__name__)

ExceptionInfo = tuple[type[BaseException], BaseException, TracebackType | None]


def trace_without_data(exc_info: ExceptionInfo) -> str:
    """Return on few lines what went wrong and where in our code, causes last, without what was to be stored.

    A message may quote that: PostgreSQL names the whole row that broke a constraint.
    """
    parts: list[str] = []
    error: BaseException | None = exc_info[1]
    while error is not None and len(parts) < MOST_CAUSES:
        where = "".join(f"\n  {place}" for place in _places(error.__traceback__))
        kind = f"{type(error).__module__}.{type(error).__qualname__}"
        words = f": {said}" if (said := words_of(error)) else ""
        parts.append(f"{kind}{words}{_details(error)}{where}")
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "\ncaused by: ".join(parts)


def _places(trace: TracebackType | None) -> list[str]:
    """Return our frames and the one that raised, innermost last."""
    frames = traceback.extract_tb(trace)
    shown = [frame for frame in frames[:-1] if frame.filename.startswith(OURS)] + frames[-1:]
    return [
        f"{frame.filename.removeprefix(f'{ROOT}/')}:{frame.lineno} {frame.name}"
        for frame in shown[-MOST_FRAMES:]
    ]


def _details(error: BaseException) -> str:
    names = ("sqlstate", "schema_name", "table_name", "constraint_name", "errno")
    known = {name: value for name in names if (value := getattr(error, name, None))}
    return f" {known}" if known else ""


def _without_repr(logger: object, name: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Keep the first line of what asyncio says: below stands the failed task, and in that its exception."""
    if event.get("logger") == "asyncio":
        event["event"] = str(event["event"]).partition("\n")[0]
    return event


def _log_uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Let a process that crashes say so as everything else is said; Python would print all it knows."""
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
    else:
        log.critical("crashed", exc_info=(kind, error, trace))


def configure_logging(config: Settings) -> None:
    """Send structlog's and the libraries' records, and what nobody caught, through one formatter."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        _without_repr,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.ExceptionRenderer(trace_without_data),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    renderer = (
        structlog.processors.JSONRenderer()
        if config.app_env == "production"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    sys.excepthook = _log_uncaught
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(config.log_level)
    for name in QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    for name in SILENT:
        logging.getLogger(name).setLevel(logging.CRITICAL)
