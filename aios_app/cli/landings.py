"""Landings that go on while the person does something else."""

from __future__ import annotations

from collections.abc import Iterable

from aios_app.cli import output
from aios_app.cli.client import Client, Json, caller_directory
from aios_app.cli.following import changes
from aios_app.cli.landing import ending
from aios_app.cli.person import environment
from aios_app.cli.waiting import find
from aios_app.domain.errors import ConflictError

_LANDED = "landed"


class Landings:
    """Those that were begun here, each told of once when it is over."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._open: dict[int, str] = {}
        self._is_all_landed = True

    def begin(self, job: Json, message: str) -> None:
        """Puts the job in line. Raises the ``AiosError`` that refuses it."""
        number = job["number"]
        body = {
            "refs": [str(number)],
            "cwd": caller_directory(),
            "message": message,
            "is_confirmed": True,
            "environment": environment(),
        }
        answer = self._client.post("/jobs/land", body)
        for problem in answer["problems"]:
            raise ConflictError(problem["message"])
        [landing] = answer["landings"]
        self._open[number] = landing["id"]
        if landing["outcome"] is None:
            output.note(output.clean(f"#{number} lands on {landing['label']}"))

    def tell_news(self) -> None:
        """Says what came of those that are over by now."""
        for number in list(self._open):
            self._look(number)

    def see_through(self) -> bool:
        """Waits until all are over, and says what came of them; whether all have landed."""
        self.tell_news()
        if self._open:
            self.tell_left()
            words = [str(number) for number in self._open]
            for _ in changes(self._client, lambda: find(self._client, words, "/")):
                self.tell_news()
                if not self._open:
                    break
        return self._is_all_landed

    def tell_left(self) -> None:
        """Says which are not over."""
        if self._open:
            numbers = " ".join(str(number) for number in self._open)
            output.note(f"landing goes on: aios land {numbers} follows it")

    def _look(self, number: int) -> None:
        landing = self._client.get(f"/jobs/{number}/landing")["landing"]
        if landing["id"] == self._open[number] and landing["outcome"] is None:
            return
        del self._open[number]
        self._is_all_landed = self._is_all_landed and landing["outcome"] == _LANDED
        for line in _lines(landing):
            output.say(output.clean(f"#{number} {line}"))


def _lines(landing: Json) -> Iterable[str]:
    if landing["outcome"] != _LANDED:
        return ending(landing)
    remarks = [step for step in landing["steps"] if not step.startswith("ok ")]
    return [f"landed on {landing['label']}", *remarks]
