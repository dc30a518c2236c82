"""Answers as bytes. ASCII only, so that bytes that are no UTF-8 travel as escaped lone surrogates."""

from __future__ import annotations

import json

#: Of every answer and every line of a stream.
VERSION = 1


def encode(**fields: object) -> bytes:
    """The fields as one line of JSON, with the version in front."""
    return json.dumps({"v": VERSION, **fields}, separators=(",", ":")).encode("ascii") + b"\n"
