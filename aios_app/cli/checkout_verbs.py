"""What ``push``, ``pull``, ``revert`` and ``setup`` share: the person sees what will happen, then it does."""

from __future__ import annotations

import argparse

from aios_app.cli import exits, output, session
from aios_app.cli.client import Json, caller_directory
from aios_app.cli.interaction import confirm
from aios_app.cli.person import environment

TYPE_CHECKING = False  # typing's own costs 2 ms at import
if TYPE_CHECKING:
    from typing import Any

#: Seconds that hooks, signing and a remote may take in all; each has a limit of its own in the service.
PATIENCE_S = 3600.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``-y`` and ``--json``."""
    parser.add_argument("-y", "--yes", action="store_true", help="do not ask; what it names is still printed")
    parser.add_argument("--json", action="store_true", help="print the answer of the API")


def revert_commits(count: int, *, is_sure: bool, is_json: bool) -> int:
    """Undoes the last commits of the branch that the person is on."""
    return carry_out("/checkout/revert", {"count": count}, is_sure=is_sure, is_json=is_json)


def carry_out(
    path: str, fields: dict[str, Any], *, is_sure: bool, is_json: bool, suggests: bool = True
) -> int:
    """Asks the API, then the person, then has it done; exit code 1 where they say no."""
    body = {**fields, "cwd": caller_directory(), "environment": environment()}
    answer = session.write(lambda client: client.post(path, body, timeout_s=PATIENCE_S))
    if "question" in answer:
        _show_names(answer)
        if not confirm(answer["question"], is_sure=is_sure, suggests=suggests):
            return exits.FAILED
        answer = session.client().post(path, {**body, "is_confirmed": True}, timeout_s=PATIENCE_S)
    if is_json:
        output.say_json(answer)
    else:
        for step in answer["steps"]:
            output.say(output.clean(step))
    return exits.DONE


def _show_names(answer: Json) -> None:
    """To standard error, as they are no answer to what was asked for."""
    for name in answer["names"]:
        output.note(f" {output.clean(name)}")
