"""How this program logs: one line each to standard error, in UTC. The only caller of ``logging.config``."""

from __future__ import annotations

import logging
import logging.config
import time

from aios_app.settings import Settings

#: The keys that a log call may give as ``extra``; they follow the message as ``key=value``.
KEYS = ("run_id", "job_id", "git_cmd", "git_exit", "tmux_cmd", "tmux_exit", "duration_ms")

#: Of these only warnings are shown at INFO: what they say there is about themselves.
_CHATTY = (
    "amqp",
    "asyncio",
    "celery.app.trace",
    "celery.worker.strategy",
    "git",
    "kombu",
    "tornado.access",
    "watchdog",
)


class LineFormatter(logging.Formatter):
    """Everything of a record on one line, tracebacks too, so that a log can be searched by line."""

    converter = staticmethod(time.gmtime)
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    def formatMessage(self, record: logging.LogRecord) -> str:
        values = [f"{key}={getattr(record, key)}" for key in KEYS if hasattr(record, key)]
        return " ".join([super().formatMessage(record), *values])

    def format(self, record: logging.LogRecord) -> str:
        return super().format(record).replace("\r", "\\r").replace("\n", "\\n")


def configure(settings: Settings, name: str) -> None:
    """Sends all logs of this process to standard error, under its ``name``; again is no harm.

    The supervisor captures standard error into ``<logs_dir>/<name>.log`` and rotates it.
    """
    level = settings.log_level if settings.log_level in logging.getLevelNamesMapping() else "INFO"
    quiet = level if level == "DEBUG" else "WARNING"
    line = f"%(asctime)s %(levelname)s {name.replace('%', '%%')}[%(process)d] %(name)s: %(message)s"
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"line": {"()": LineFormatter, "format": line}},
            "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
            "root": {"level": level, "handlers": ["stderr"]},
            "loggers": {chatty: {"level": quiet} for chatty in _CHATTY},
        }
    )
