"""Structured logs on standard error: JSON in production, lines for people elsewhere."""

import logging
import sys
import traceback
from types import TracebackType

import structlog

from shared.config import Settings

QUIET = ("httpx", "httpcore", "aiosmtplib", "imapclient", "sqlalchemy", "mail.log")
SILENT = ("aiokafka",)
"""Reports every reconnect as an error; `RobustKafkaProducer` says the same once and calmly."""


ExceptionInfo = tuple[type[BaseException], BaseException, TracebackType | None]


def trace_without_words(exc_info: ExceptionInfo) -> str:
    """Return where an exception and its causes came from, without their messages.

    A message may quote what was being stored: PostgreSQL names the whole row that broke a constraint.
    """
    parts: list[str] = []
    error: BaseException | None = exc_info[1]
    while error is not None:
        frames = "".join(traceback.format_tb(error.__traceback__))
        parts.append(f"{frames}{type(error).__module__}.{type(error).__qualname__}{_details(error)}")
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "\n\ncaused by:\n".join(parts)


def _details(error: BaseException) -> str:
    names = ("sqlstate", "schema_name", "table_name", "constraint_name", "errno")
    known = {name: value for name in names if (value := getattr(error, name, None))}
    return f" {known}" if known else ""


def configure_logging(config: Settings) -> None:
    """Send structlog's and the libraries' records through one formatter."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.ExceptionRenderer(trace_without_words),
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
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(config.log_level)
    for name in QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    for name in SILENT:
        logging.getLogger(name).setLevel(logging.CRITICAL)
