"""``python -m workers.updater look|take COMMIT|back``: updates AIOS itself, apart from its running programs.

Writes lines of JSON, ``{"say": ...}`` on the way, then ``{"news": ...}``, ``{}``, or ``{"error": ...}``.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import sys
from typing import Any

from aios_app import settings as settings_module
from aios_app.domain.errors import AiosError
from aios_app.logs import configure
from aios_app.services.context import open_catalog
from aios_app.services.update_aios import (
    Installation,
    finish_update,
    go_back,
    look_for_update,
    make_release,
    take_release,
)
from aios_app.services.update_check import installation, note_look


def main() -> int:
    """The exit status; 1 where a line says what went wrong, 130 after Ctrl-C, which leaves nothing behind."""
    parser = argparse.ArgumentParser(prog="updater")
    parser.add_argument("verb", choices=["look", "take", "back"])
    parser.add_argument("commit", nargs="?", default="")
    args = parser.parse_args()
    os.umask(0o077)
    try:
        _write(_run(args.verb, args.commit))
    except AiosError as error:
        _write({"error": {"kind": error.kind, "message": str(error)}})
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _run(verb: str, commit: str) -> dict[str, Any]:
    place = _place(is_look=verb == "look")
    if verb == "take":
        make_release(place, commit, _say)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # what follows takes seconds, and is not left half done
        take_release(place, commit, _say)
    elif verb == "back":
        go_back(place, _say)
    elif not finish_update(place, _say):
        news = look_for_update(place)
        lines = list(news.lines)
        found = {"commit": news.commit, "behind": news.behind, "lines": lines, "remark": news.remark}
        return {"news": found}
    return {}


def _place(*, is_look: bool) -> Installation:
    settings = settings_module.load()
    settings.logs_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    log = os.open(settings.logs_dir / "updater.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(log, sys.stderr.fileno())
    configure(settings, "updater")
    with contextlib.closing(open_catalog(settings)) as catalog:
        if is_look:
            note_look(catalog)
        return installation(settings, catalog)


def _say(line: str) -> None:
    _write({"say": line})


def _write(answer: dict[str, Any]) -> None:
    """Whoever listened may have left."""
    with contextlib.suppress(OSError):
        print(json.dumps(answer), flush=True)  # noqa: T201 - a program that is read by another one


if __name__ == "__main__":
    sys.exit(main())
