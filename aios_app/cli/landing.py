"""Landings from the command line: asked for, then followed step by step until they are over."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from aios_app.cli import exits, output, session
from aios_app.cli.client import Client, Json, caller_directory
from aios_app.cli.following import changes
from aios_app.cli.interaction import confirm
from aios_app.cli.person import environment
from aios_app.cli.shell import note_if_gone
from aios_app.cli.waiting import find
from aios_app.domain.errors import ExternalError, StackError
from aios_app.domain.landing import EXIT_CODES, Outcome

#: What a person would type after an outcome; ``{0}`` is the job's number.
_NEXT = {
    "conflict": "aios land {0} --resolve (its agent resolves it)   aios attach {0}",
    "failed": "aios land {0} tries again   aios pr {0} leaves it to a pull request",
    "red": "aios attach {0}   aios send {0} TEXT   then aios land {0}",
    "nothing": "aios attach {0}",
}
#: In what a job says while others land before it.
_IN_LINE = " in line for "


def land(
    refs: Sequence[str],
    *,
    message: str = "",
    is_kept: bool = False,
    resolves: bool = False,
    only_passed: bool = False,
    is_sure: bool = False,
    is_json: bool = False,
) -> int:
    """Lands the jobs and says each step as it happens; the exit code of all."""
    body: Json = {
        "refs": list(refs),
        "message": message,
        "is_kept": is_kept,
        "resolves": resolves,
        "only_passed": only_passed,
    }
    return carry_out("/jobs/land", body, is_sure=is_sure, is_json=is_json)


def carry_out(path: str, body: Json, *, is_sure: bool, is_json: bool) -> int:
    """Asks the API, then the person where it is theirs to decide, then follows the landings to their end."""
    body = {**body, "cwd": caller_directory(), "environment": environment()}
    answer = session.write(lambda client: client.post(path, body))
    if "question" in answer:
        for name in answer["names"]:
            output.note(f" {output.clean(name)}")
        if not confirm(answer["question"], is_sure=is_sure):
            return exits.FAILED
        answer = session.client().post(path, {**body, "is_confirmed": True})
    landings, problems = answer["landings"], answer["problems"]
    for problem in problems:
        output.note(output.clean(problem["message"]))
    over = _until_over(landings, is_quiet=is_json)
    if is_json:
        output.say_json({"v": 1, "landings": over, "problems": problems})
    note_if_gone()
    codes = [EXIT_CODES[Outcome(one["outcome"])] for one in over]
    return _code([*codes, *(exits.CONFLICT for _ in problems)])


def _until_over(landings: Sequence[Json], *, is_quiet: bool) -> list[Json]:
    """The landings as they ended, in the order in which they were asked for."""
    teller = _Teller(is_quiet=is_quiet, is_single=len(landings) == 1)
    over = {landing["job"]: landing for landing in landings if landing["outcome"]}
    for landing in over.values():
        teller.tell(landing)
    waiting = {landing["job"] for landing in landings} - set(over)
    try:
        if waiting:
            _follow(session.client(), waiting, over, teller)
    except KeyboardInterrupt:
        numbers = " ".join(str(number) for number in sorted(waiting))
        output.note(f"\nthe landing goes on: aios jobs shows it, aios land {numbers} follows it again")
        raise
    return [over[landing["job"]] for landing in landings]


def _follow(client: Client, waiting: set[int], over: dict[int, Json], teller: _Teller) -> None:
    """Takes those that are over out of ``waiting``, and puts them into ``over``."""
    words, unread = [str(number) for number in waiting], set(waiting)
    for news in changes(client, lambda: find(client, words, "/")):
        unread |= {job["number"] for job in news if teller.is_news(job)} & waiting
        try:
            for number in sorted(unread):
                landing = client.get(f"/jobs/{number}/landing")["landing"]
                unread.discard(number)
                teller.tell(landing)
                if landing["outcome"]:
                    waiting.discard(number)
                    over[number] = landing
        except ExternalError as error:  # it is back soon, and then they are read again
            teller.tell_trouble(error)
        if not waiting:
            return


class _Teller:
    """Says each step, place in line and outcome once."""

    def __init__(self, *, is_quiet: bool, is_single: bool) -> None:
        self._is_quiet = is_quiet
        self._is_single = is_single
        self._told: set[tuple[int, str]] = set()

    def tell(self, landing: Json) -> None:
        if self._is_quiet:
            return
        number = landing["job"]
        for step in landing["steps"]:
            if self._is_new(number, step):
                output.say(self._line(number, step))
        place = landing["place"]
        if place > 1 and self._is_new(number, f"place {place}" if self._is_single else "place"):
            output.note(self._line(number, f"number {place} in line for {landing['label']}"))
        if landing["outcome"] not in {None, Outcome.LANDED}:
            for line in ending(landing):
                output.note(self._line(number, line))

    def tell_trouble(self, error: ExternalError) -> None:
        """A machine does not answer, once; that its own service does not is seen soon enough."""
        if not isinstance(error, StackError) and self._is_new(0, str(error)):
            output.note(output.clean(f"{error}: the landing goes on once it does"))

    def is_news(self, job: Json) -> bool:
        """Of several, that one moves up in its line is none: there would be more of that than of steps."""
        is_in_line = _IN_LINE in (job.get("landing") or "")
        return self._is_single or not is_in_line or (job["number"], "place") not in self._told

    def _is_new(self, number: int, text: str) -> bool:
        is_new = (number, text) not in self._told
        self._told.add((number, text))
        return is_new

    def _line(self, number: int, text: str) -> str:
        return output.clean(text if self._is_single else f"#{number} {text}")


def ending(landing: Json) -> Iterable[str]:
    """Why it did not land, and what a person would type now."""
    outcome, number = landing["outcome"], landing["job"]
    first, *rest = (landing["problem"] or f"not landed: {outcome}").splitlines()
    yield first
    for file in landing["conflicts"]:
        yield f"  {file['path']}"
        for side, commits in (("base", file["ours"]), ("job", file["theirs"])):
            yield from (f"    {side:4} {commit}" for commit in commits)
    is_at_work = outcome == "conflict" and landing["resolves"]
    yield from rest
    if outcome in _NEXT and not is_at_work and not landing["is_revert"]:
        yield f"next: {_NEXT[outcome].format(number)}"


def _code(codes: Sequence[int]) -> int:
    """That of all where it is one, else that some of it failed."""
    return codes[0] if len(set(codes)) == 1 else exits.FAILED
