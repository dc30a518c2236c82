"""What a person sees of one job before they decide."""

from __future__ import annotations

from aios_app.cli import output, terminal
from aios_app.cli.client import Client, Json
from aios_app.cli.commands.diff import show_diff
from aios_app.cli.job_lines import change, check_word, clock, worked_ms
from aios_app.cli.waiting import check_line
from aios_app.domain.errors import AiosError, StackError

#: Lines of a red check's log that are shown.
_TAIL_LINES = 12
#: Of the agent's last message.
_MESSAGE_LINES = 12


def show_page(client: Client, job: Json, left: int) -> None:
    """Header, prompt, last message, check and diff of the job; ``left`` counts the jobs with this one."""
    width, colour = terminal.size()[0], terminal.has_colour()
    count = f"   {left} left" if left else ""
    head = output.clean(f"#{job['number']} {job['project']} {job['agent']}{count}")
    output.say("\n" + output.paint(output.fit(f"── {head} ".ljust(width, "─"), width), "dim", is_on=colour))
    output.say(output.fit(output.clean("  ".join(filter(None, _facts(job)))), width))
    if job["title"]:
        output.say(output.fit(f"asked: {output.clean(job['title'])}", width))
    if job["message"]:
        output.say(f"says:  {_message(job['message'])}")
    for field in ("note", "landing"):
        if job.get(field):
            output.say(output.fit(f"{field}: {output.clean(job[field])}", width))
    if check_word(job):
        output.say(check_line(job))
    if job["check"] == "failed":
        _show_red(client, job)
    if job["files"]:
        show_diff_of(client, job)


def show_diff_of(client: Client, job: Json) -> None:
    """The change of the job; why there is none to see."""
    try:
        answer = client.post("/jobs/diff", {"refs": [str(job["number"])], "cwd": "/"})
    except StackError:
        raise
    except AiosError as error:
        output.note(output.clean(f"no diff: {error}"))
        return
    show_diff(answer)


def _facts(job: Json) -> list[str]:
    took = worked_ms(job, 0)
    files = job["files"]
    count = f"{files} file{'' if files == 1 else 's'}" if files else ""
    commits = job.get("commits") or 0
    return [
        f"review after {clock(took)}" if took else "review",
        f"{count} {change(job)}".strip(),
        f"{commits} commit{'' if commits == 1 else 's'}" if files else "",
    ]


def _message(text: str) -> str:
    lines = output.clean_block(text).strip().split("\n")
    cut = [f"... ({len(lines) - _MESSAGE_LINES} more lines)"] if len(lines) > _MESSAGE_LINES else []
    return "\n       ".join(lines[:_MESSAGE_LINES] + cut)


def _show_red(client: Client, job: Json) -> None:
    try:
        text = client.get(f"/jobs/{job['number']}/log?of=check")["text"]
    except StackError:
        raise
    except AiosError:
        return
    lines = output.clean_block(text).strip().split("\n")
    if len(lines) > _TAIL_LINES:
        output.say(f"  ... the end of aios logs {job['number']} --check:")
    output.say("\n".join(f"  {line}" for line in lines[-_TAIL_LINES:]))
