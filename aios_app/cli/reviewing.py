"""A person's way through the jobs in review, and the landings that go on meanwhile."""

from __future__ import annotations

import re
from collections.abc import Callable

from aios_app.cli import exits, output, terminal
from aios_app.cli.client import Client, Json, caller_directory
from aios_app.cli.interaction import confirm
from aios_app.cli.job_lines import is_live
from aios_app.cli.landings import Landings
from aios_app.cli.review_page import show_diff_of, show_page
from aios_app.domain.errors import AiosError, StackError, UsageError

_KEYS = "[l]and [s]kip [r]eply [a]ttach [d]rop [v]iew [q]uit"
_QUIT = "q"


def run_path(word: str) -> str:
    """The request for the jobs of a run, or for all where the word is empty."""
    if not word:
        return "/jobs"
    if not re.fullmatch(r"r\d{1,9}", word, re.ASCII):
        raise UsageError(f"'{word}' is not a run: write r3, or nothing for all jobs in review")
    return f"/jobs?scope=all&run={word[1:]}"


def in_review(client: Client, path: str) -> list[Json]:
    """The jobs to look at, those that were put off last; a person's own directories are not among them."""
    jobs = [job for job in client.get(path)["jobs"] if job["state"] == "review" and not job["is_in_place"]]
    return sorted(jobs, key=lambda job: (job["seen_ms"], job["since_ms"], job["number"]))


class Review:
    """One sitting. What was decided in it does not come again, unless its agent had a further turn."""

    def __init__(self, client: Client, path: str, first: int = 0) -> None:
        """``path`` is the request for the jobs; ``first`` is the number of the one to begin with."""
        self._client = client
        self._path = path
        self._first = first
        self._decided: dict[int, int] = {}
        self._landings = Landings(client)
        self._keys: dict[str, Callable[[Json, str], bool]] = {
            "l": self._land,
            "s": self._skip,
            "r": self._reply,
            "a": self._attach,
            "d": self._drop,
            "v": self._view,
        }

    def lead(self) -> int:
        """Until nothing is left or the person quits; then says what came of the landings."""
        try:
            output.note(self._go_through())
            return exits.DONE if self._landings.see_through() else exits.FAILED
        except KeyboardInterrupt:
            self._landings.tell_left()
            raise

    def _go_through(self) -> str:
        """What is to be said in the end."""
        is_any = False
        while left := self._left():
            is_any = True
            show_page(self._client, left[0], len(left))
            if not self._decide(left[0]):
                return f"left for the next time: {len(left)}"
            self._landings.tell_news()
        return "that was all" if is_any else "nothing is in review"

    def _left(self) -> list[Json]:
        jobs = sorted(in_review(self._client, self._path), key=lambda job: job["number"] != self._first)
        return [job for job in jobs if self._decided.get(job["number"], -1) < job["turns"]]

    def _decide(self, job: Json) -> bool:
        """Asks until something is decided of the job; False where the person quits."""
        while (line := output.ask(f"#{job['number']} {_KEYS}:")) and line.strip() != _QUIT:
            key, _, words = line.strip().partition(" ")
            act = self._keys.get(key)
            if act is None:
                output.note("type one of these letters, then Enter; more: aios review --help")
            elif self._is_done(act, job, words.strip()):
                self._decided[job["number"]] = job["turns"]
                return True
        return False

    def _is_done(self, act: Callable[[Json, str], bool], job: Json, words: str) -> bool:
        """What is refused is said, and the job is asked about again."""
        try:
            return act(job, words)
        except StackError:
            raise
        except AiosError as error:
            output.note(output.clean_block(str(error)))
            return False

    def _land(self, job: Json, words: str) -> bool:
        self._landings.begin(job, words)
        return True

    def _skip(self, job: Json, _words: str) -> bool:
        self._client.post("/jobs/seen", _named(job))
        return True

    def _reply(self, job: Json, words: str) -> bool:
        text = words or output.ask(f"to #{job['number']}:").strip()
        if not text:
            return False
        body = {**_named(job), "text": text, "is_submitted": True, "keys": []}
        [delivery] = self._client.post("/jobs/send", body)["results"]
        output.note(output.clean(f"#{job['number']} {delivery['message']}"))
        return bool(delivery["is_delivered"])

    def _attach(self, job: Json, _words: str) -> bool:
        """True where the agent works afterwards: the job comes back when its turn is over."""
        import subprocess

        from aios_app.cli.commands.attach import program

        subprocess.run(program(str(job["number"]), read_only=False), check=False)
        [now] = self._client.post("/jobs/find", _named(job))["jobs"]
        if is_live(now):
            output.note(f"#{job['number']} is {now['state']}; it comes back when its turn is over")
            return True
        if terminal.tmux():
            return False
        show_page(self._client, now, 0)
        return False

    def _drop(self, job: Json, _words: str) -> bool:
        body = {**_named(job), "names": []}
        asked = self._client.post("/jobs/drop", {**body, "is_confirmed": False})
        for line in asked.get("names", []):
            output.note(output.clean(line))
        if not confirm(asked["question"], is_sure=False):
            return False
        [result] = self._client.post("/jobs/drop", {**body, "is_confirmed": True})["results"]
        output.note(output.clean(f"#{job['number']} {result['message']}"))
        return bool(result["is_dropped"])

    def _view(self, job: Json, _words: str) -> bool:
        show_diff_of(self._client, job)
        return False


def _named(job: Json) -> Json:
    return {"refs": [str(job["number"])], "cwd": caller_directory()}
