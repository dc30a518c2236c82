"""What a key does with a job. Where work could go, the person is asked first."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial

from aios_app.cli.client import Client, Json
from aios_app.cli.dashboard.threads import in_thread
from aios_app.cli.job_lines import change, is_live
from aios_app.cli.person import environment
from aios_app.cli.removing import PATIENCE_S

#: Jobs are named by their numbers here, so the directory that words would be read in does not matter.
_CWD = "/"


@dataclass(frozen=True, slots=True)
class Actions:
    """``ask`` puts a question with the names of what goes; ``tell`` says a line, that of an error in red."""

    client: Client
    ask: Callable[[str, Sequence[str]], Awaitable[bool]]
    tell: Callable[..., None]

    async def land(self, job: Json) -> None:
        """One in review lands after one question; the API asks its own where there is more to decide."""
        question = f"Land #{job['number']}?"
        is_plain = job["state"] == "review"
        if not is_plain or await self.ask(question, [_line(job)]):
            await self._land("/jobs/land", {"refs": [str(job["number"])]})

    async def pick(self, job: Json, rivals: Sequence[Json]) -> None:
        """Lands the job and drops its rivals, which the API names in its question."""
        if rivals or await self.ask(f"Land #{job['number']}? It has no rivals.", [_line(job)]):
            await self._land("/jobs/pick", {"ref": str(job["number"])})

    async def drop(self, job: Json) -> None:
        """Worktree and branch go to the trash."""
        answer = await self._confirmed("/jobs/drop", {"refs": [str(job["number"])], "names": []})
        for result in answer.get("results", []):
            is_dropped = result["is_dropped"]
            self.tell(f"#{job['number']} {result['message']}", is_error=not is_dropped)

    async def stop(self, job: Json) -> None:
        """Ends the agent; its worktree stays."""
        if not is_live(job) and not job.get("is_open"):
            self.tell(f"#{job['number']} is {job['state']}: nothing of it runs")
            return
        if await self.ask(f"Stop #{job['number']}? What was written so far stays.", [_line(job)]):
            body = {**_named(job), "all_processes": False}
            [result] = (await self._post("/jobs/stop", body))["results"]
            self.tell(f"#{job['number']} {result['outcome']}")

    async def resume(self, job: Json) -> None:
        """Starts the ended agent again with its conversation."""
        answer = await self._post("/jobs/resume", {**_named(job), "is_all": False, "is_dry_run": False})
        for problem in answer["problems"]:
            self.tell(problem["message"], is_error=True)
        if answer["jobs"]:
            self.tell(f"#{job['number']} starts again with its conversation")

    async def send(self, number: int, text: str) -> None:
        """Types the text into the job's agent, and submits it."""
        body = {"refs": [str(number)], "cwd": _CWD, "text": text, "is_submitted": True, "keys": []}
        for result in (await self._post("/jobs/send", body))["results"]:
            self.tell(f"#{number} {result['message']}", is_error=not result["is_delivered"])

    async def _land(self, path: str, body: Json) -> None:
        answer = await self._confirmed(path, {**body, "message": "", "environment": environment()})
        for problem in answer.get("problems", []):
            self.tell(problem["message"], is_error=True)
        for landing in answer.get("landings", []):
            place = f", {landing['place']} in line" if landing["place"] > 1 else ""
            self.tell(f"#{landing['job']} lands on {landing['label']}{place}")

    async def _confirmed(self, path: str, body: Json) -> Json:
        """The answer, after the person said yes where the API asks; empty where they said no."""
        answer = await self._post(path, {**body, "cwd": _CWD, "is_confirmed": False})
        if "question" not in answer:
            return answer
        if not await self.ask(answer["question"], answer["names"]):
            return {}
        return await self._post(path, {**body, "cwd": _CWD, "is_confirmed": True})

    async def _post(self, path: str, body: Json) -> Json:
        return await in_thread(partial(self.client.post, path, body, timeout_s=PATIENCE_S))


def _named(job: Json) -> Json:
    return {"refs": [str(job["number"])], "cwd": _CWD}


def _line(job: Json) -> str:
    parts = [f"#{job['number']}", job["state"], job["project"], job["agent"], change(job), job["title"]]
    return " ".join(filter(None, parts))
