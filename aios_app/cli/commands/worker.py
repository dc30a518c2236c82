"""``aios worker``: this machine's worker in the foreground."""

from __future__ import annotations

import argparse
import os
import sys
from typing import NoReturn

from aios_app.cli import session
from aios_app.domain.errors import StackError

EXAMPLES = ("aios worker", "aios worker --broker redis://10.0.0.5:6379/0")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``worker``."""
    parser.add_argument(
        "--broker", metavar="URL", help="the Redis to work for (default: this instance's own)"
    )


def run(args: argparse.Namespace) -> NoReturn:
    """Becomes the worker, which is refused where one runs already. Ctrl-C ends it."""
    if not args.broker and not session.settings().redis_url and not session.client().is_up():
        raise StackError("the stack is down: aios up starts a worker too. For another Redis: --broker URL")
    given = {"AIOS_REDIS_URL": args.broker} if args.broker else {}
    guarded = [sys.executable, "-m", "aios_app.stack.guard", "worker", "--", sys.executable, "-m", "workers"]
    os.execve(sys.executable, guarded, {**os.environ, **given})  # noqa: S606 - no shell is what is wanted
