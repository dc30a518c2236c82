"""Texts as Redis and our scripts take them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

#: Surrogates that stand for no byte of a text in another encoding.
_HALVES = re.compile("[\ud800-\udc7f\udd00-\udfff]")


def as_json(data: Mapping[str, Any]) -> str:
    """For a script of ours, whose reader takes bytes that are no text as they are, but not as an escape."""
    return whole(json.dumps(data, ensure_ascii=False))


def whole(text: str) -> str:
    """Without halves of characters, as agents write them where they cut a text: nothing encodes them."""
    return _HALVES.sub("\ufffd", text)
