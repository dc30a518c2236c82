"""``python -m web``: serves the API until SIGTERM or SIGINT."""

from __future__ import annotations

import asyncio
import logging
import os
import sys

from aios_app import logs
from aios_app.domain.errors import AiosError
from aios_app.settings import load
from web.server import serve

logger = logging.getLogger("web")


def main() -> int:
    """The exit status: 0 after a signal, 1 where the service could not start."""
    settings = load()
    logs.configure(settings, "web")
    os.umask(0o077)
    try:
        asyncio.run(serve(settings))
    except AiosError as error:
        logger.error("%s", error)  # noqa: TRY400 - the sentence is for a person, a traceback says no more
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
