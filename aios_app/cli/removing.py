"""Commands that remove something: what goes is named, then asked for, then said to be gone."""

from __future__ import annotations

from aios_app.cli import exits, output, session
from aios_app.cli.client import Json
from aios_app.cli.interaction import confirm
from aios_app.cli.shell import note_if_gone

TYPE_CHECKING = False  # typing's own costs 2 ms at import
if TYPE_CHECKING:
    from typing import Any

#: Seconds for all of it: large worktrees take theirs, one after another.
PATIENCE_S = 3600.0


def remove(path: str, body: dict[str, Any], *, is_sure: bool, is_json: bool) -> int:
    """Asks the API, then the person, then has it done; 3 where something stayed that was to go."""
    answer = session.write(lambda client: client.post(path, body, timeout_s=PATIENCE_S))
    if not is_json:
        _show_kept(answer)
    if "question" in answer:
        for name in answer["names"]:
            output.note(output.clean(name))
        if not confirm(answer["question"], is_sure=is_sure):
            return exits.FAILED
        answer = session.client().post(path, {**body, "is_confirmed": True}, timeout_s=PATIENCE_S)
    if is_json:
        output.say_json(answer)
    else:
        _show(answer)
    note_if_gone()
    return _code(answer)


def _show_kept(answer: Json) -> None:
    for problem in answer.get("problems", []):
        output.note(output.clean(problem))
    for one in answer.get("kept", []):
        output.note(output.clean(f"#{one['job']['number']} stays: {one['message']}"))


def _show(answer: Json) -> None:
    if not answer["results"]:
        output.say("nothing to remove")
    for result in answer["results"]:
        word = f"#{result['job']['number']}" if result["job"] else result["name"]
        if result["is_dropped"]:
            output.say(output.clean(f"{word} {result['message']}"))
        else:
            output.note(output.clean(f"{word} stays: {result['message']}"))


def _code(answer: Json) -> int:
    gone = [result["is_dropped"] for result in answer["results"]]
    if all(gone):
        return exits.DONE
    return exits.FAILED if any(gone) else exits.CONFLICT
