"""How the answers of several machines become one, in the order in which the request named its jobs.

An answer has the shape that the table of answers has for its request.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from aios_app.domain.comparison import ranked
from aios_app.domain.errors import AiosError, MachineAway
from aios_app.domain.models import Job
from web.placing import Json, Outcome

Merge = Callable[[Sequence[Outcome]], Json]


def lists(*names: str, failed: Callable[[Outcome], Json]) -> Merge:
    """Puts the lists of these names together; ``failed`` is what an error is in them.

    Where a machine asks something, the question is for a person, and nothing was begun anywhere.
    """

    def merge(outcomes: Sequence[Outcome]) -> Json:
        answers = _answered(outcomes)
        if asking := [one for one in answers if "question" in one.answer]:
            told = [name for name in names if name in asking[0].answer]
            return _kept(outcomes, told, failed) | _question(asking, outcomes)
        return {**answers[0].answer, **_kept(outcomes, names, failed)}

    return merge


def compared(outcomes: Sequence[Outcome]) -> Json:
    """The candidates of all machines; those of one that does not answer are as the ledger has them."""
    answers = _answered(outcomes)
    conflicts = {
        int(candidate["number"]): [str(path) for path in candidate["conflicts"]]
        for one in answers
        for group in one.answer["groups"]
        for candidate in group["candidates"]
    }
    jobs = _in_order(outcomes)
    projects = dict.fromkeys((job.project_id, job.project) for job in jobs)
    groups = [
        {
            "project": name,
            "candidates": [
                {**job.to_json(), "conflicts": conflicts.get(job.number, [])}
                for job in ranked(one for one in jobs if one.project_id == project_id)
            ],
        }
        for project_id, name in projects
    ]
    return {"now_ms": answers[0].answer["now_ms"], "groups": groups, "problems": _lines(outcomes)}


def listed(name: str, adapt: Callable[[Json, Outcome], Json]) -> Merge:
    """The list ``name`` of all machines, each entry with its machine's name; ``adapt`` changes others'."""

    def merge(outcomes: Sequence[Outcome]) -> Json:
        answers = _answered(outcomes)
        entries = [
            entry | {"machine": one.name} if one.is_here else adapt(entry, one) | {"machine": one.name}
            for one in answers
            for entry in one.answer[name]
        ]
        problems = [str(line) for one in answers for line in one.answer.get("problems", [])]
        return {**answers[0].answer, name: entries, "problems": problems + _lines(outcomes)}

    return merge


def as_it_is(entry: Json, _: Outcome) -> Json:
    """Another machine's entry is shown as it is."""
    return entry


def far_session(entry: Json, _: Outcome) -> Json:
    """Another machine's session is reached through AIOS alone."""
    job = int(entry["job"])
    return entry | {"job": job, "attach": f"aios attach {job}" if job else ""}


def only(outcomes: Sequence[Outcome]) -> Json:
    """Of a request that one machine answers."""
    [one] = _answered(outcomes)
    return one.answer


def attached(outcomes: Sequence[Outcome]) -> Json:
    """No program here shows another machine's terminal: its WebSocket does."""
    [one] = _answered(outcomes)
    return {"job": one.part.jobs[0].to_json(), "argv": [], "is_resumed": one.answer["is_resumed"] is True}


def as_problems(outcome: Outcome) -> Json:
    """An error as one problem of each job."""
    problems = [{"job": job.number, "message": _said(job, outcome)} for job in outcome.part.jobs]
    return {"problems": problems}


def as_deliveries(outcome: Outcome) -> Json:
    """An error as what came of typing into each job."""
    return {
        "results": [
            {
                "job": job.to_json(),
                "is_delivered": False,
                "message": f"not delivered: {outcome.error}",
                "turns": job.turns,
            }
            for job in outcome.part.jobs
        ]
    }


def as_removals(outcome: Outcome) -> Json:
    """An error as why each job stays."""
    return {
        "results": [
            {
                "job": job.to_json(),
                "name": f"#{job.number} {job.name}",
                "is_dropped": False,
                "message": str(outcome.error),
                "trash": "",
            }
            for job in outcome.part.jobs
        ]
    }


def as_line(outcome: Outcome) -> Json:
    """An error as a line that names the machine."""
    return {"problems": _lines([outcome])}


def as_nothing(_: Outcome) -> Json:
    """What a machine does not tell is left out."""
    return {}


def _answered(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Those with an answer; where there is none the first error is that of all."""
    answers = [one for one in outcomes if one.error is None]
    if not answers:
        raise outcomes[0].error or MachineAway()
    return answers


def _kept(
    outcomes: Sequence[Outcome], names: Iterable[str], failed: Callable[[Outcome], Json]
) -> dict[str, list[Any]]:
    parts = [one.answer if one.error is None else failed(one) for one in outcomes]
    order = outcomes[0].part.order
    merged = {name: [entry for part in parts for entry in part.get(name, [])] for name in names}
    return {name: sorted(entries, key=lambda one: _place(one, order)) for name, entries in merged.items()}


def _place(entry: Any, order: Mapping[int, int]) -> int:  # noqa: ANN401 - of whatever list
    """Where a list's entry stands; those that are of no job of the request come last, as they are."""
    job = entry.get("job") if isinstance(entry, dict) else None
    number = job.get("number") if isinstance(job, dict) else job
    return order.get(number, len(order)) if isinstance(number, int) else len(order)


def _question(asking: Sequence[Outcome], outcomes: Sequence[Outcome]) -> Json:
    said = [str(one.answer["question"]) for one in asking]
    if len(asking) > 1:
        said = [f"On {one.name}: {words}" for one, words in zip(asking, said, strict=True)]
    names = [str(line) for one in asking for line in one.answer["names"]]
    failed = [f"{_said(job, one)}" for one in outcomes if one.error for job in one.part.jobs]
    return {"question": " ".join(said), "names": names + failed}


def _said(job: Job, outcome: Outcome) -> str:
    words = str(outcome.error)
    return words if words.startswith(f"#{job.number} ") else f"#{job.number}: {words}"


def _lines(outcomes: Sequence[Outcome]) -> list[str]:
    return [_named(one.name, one.error) for one in outcomes if one.error is not None]


def _named(name: str, error: AiosError) -> str:
    words = str(error)
    return words if words.startswith(name) else f"{name}: {words}"


def _in_order(outcomes: Sequence[Outcome]) -> list[Job]:
    order = outcomes[0].part.order
    return sorted(_jobs(outcomes), key=lambda job: order[job.number])


def _jobs(outcomes: Sequence[Outcome]) -> Iterator[Job]:
    for one in outcomes:
        yield from one.part.jobs
