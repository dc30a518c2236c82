"""A log line is one line, with its time in UTC and its keys."""

from __future__ import annotations

import logging
import re
import subprocess
import sys

from aios_app.logs import KEYS, LineFormatter


def line_of(message: str, **extra: object) -> str:
    values = {
        "name": "a.b",
        "levelno": logging.INFO,
        "levelname": "INFO",
        "msg": message,
        "created": 0.5,
        "msecs": 500,
    }
    record = logging.makeLogRecord(values | extra)
    return LineFormatter("%(asctime)s %(message)s").format(record)


def test_a_record_of_many_lines_is_one_line() -> None:
    assert line_of("first\nsecond\rthird") == "1970-01-01T00:00:00.500Z first\\nsecond\\rthird"


def test_the_keys_follow_the_message_in_the_order_of_their_table() -> None:
    extra = {key: number for number, key in reversed(list(enumerate(KEYS)))}

    line = line_of("began", **extra, unknown="x")

    assert line.split(" began ")[1] == " ".join(f"{key}={number}" for number, key in enumerate(KEYS))


def test_a_configured_process_logs_to_standard_error_alone() -> None:
    code = (
        "import logging; from aios_app import logs, settings; "
        "logs.configure(settings.load({'HOME': '/x', 'AIOS_LOG_LEVEL': 'nonsense'}), 'wor%ker'); "
        "logging.getLogger('x').info('hello %s', 'you'); logging.getLogger('kombu').info('quiet')"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == ""
    assert re.fullmatch(r"\S+Z INFO wor%ker\[\d+\] x: hello you\n", done.stderr)
