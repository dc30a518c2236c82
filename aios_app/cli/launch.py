"""Starting a run: what ``all`` and ``multi`` have in common."""

from __future__ import annotations

import argparse
from pathlib import Path

from aios_app.cli import exits, output, session
from aios_app.cli.client import Json, caller_directory
from aios_app.cli.interaction import confirm
from aios_app.cli.job_lines import job_lines
from aios_app.cli.machine_words import name_machines
from aios_app.domain.errors import UsageError

#: A longer list is for ``aios jobs``.
_MOST_LINES = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments that both have."""
    add = parser.add_argument
    add("words", nargs="*", metavar="WORD", help="agent specs, e.g. c:2 l:1, then the prompt in quotes")
    add("--seq", "--sequential", action="store_true", help="one after another instead of all at once")
    add("--fail-fast", action="store_true", help="a failed job ends the sequence")
    add(
        "--skip-waiting",
        default="",
        metavar="15m",
        help="go on when a job waits so long for an answer or a machine",
    )
    add("--base", default="", metavar="REF", help="begin the worktrees at this commit or branch")
    add("--limit", default="", metavar="2h", help="a job that works longer has failed")
    add("--name", default="", metavar="N", help="the first part of the names of worktrees and sessions")
    add("--machine", default="", metavar="M", help="on this machine; default: where it is, or where room is")
    add_prompt_sources(parser.add_mutually_exclusive_group())
    add("--dry-run", action="store_true", help="show what would be started")
    add("--wait", action="store_true", help="stay until all have finished; exit code 1 if one failed")
    add("--attach", action="store_true", help="attach to the first job")
    add("--json", action="store_true", help="print the answer of the API")
    add("-y", "--yes", action="store_true", help="do not ask")


def add_prompt_sources(group: argparse._MutuallyExclusiveGroup) -> None:
    """Where the prompt may come from, if not from the words."""
    add = group.add_argument
    add("--prompt-file", metavar="F", help="the prompt is in this file; - is standard input")
    add("-e", "--edit", action="store_true", help="write the prompt in $EDITOR")


def start(args: argparse.Namespace, source: str) -> int:
    """Starts the run and says what was started; exit code 1 where a project was skipped."""
    answer = _send(_body(args, source), is_sure=args.yes)
    if answer is None:
        return exits.FAILED
    if args.json and not args.wait:
        output.say_json(answer)
    elif not args.json:
        _show(answer, args)
    _show_problems(answer)
    show_notice(answer)
    code = exits.DONE if args.dry_run else _stay(args, answer["run"])
    return code or (exits.FAILED if answer["problems"] else exits.DONE)


def _stay(args: argparse.Namespace, run: Json) -> int:
    if args.wait:
        from aios_app.cli.progress import show_until_finished

        return show_until_finished(int(run["number"]), is_json=args.json)
    if args.attach:
        from aios_app.cli.commands.attach import attach

        return attach(str(_jobs(run)[0]["number"]), read_only=False)
    if not args.json:
        output.say(f"next: aios jobs r{run['number']}   aios wait r{run['number']}")
    return exits.DONE


def _body(args: argparse.Namespace, source: str) -> Json:
    return {
        "source": source,
        "words": args.words,
        "cwd": caller_directory(),
        "prompt": prompt_of(args),
        "only": getattr(args, "only", []),
        "exclude": getattr(args, "exclude", []),
        "is_sequential": args.seq,
        "fail_fast": args.fail_fast,
        "skip_waiting": args.skip_waiting,
        "limit": args.limit,
        "base": args.base,
        "name": args.name,
        "extra_args": args.rest,
        "is_dry_run": args.dry_run,
        "machine": args.machine,
    }


def _send(body: Json, *, is_sure: bool) -> Json | None:
    """The run, None where the person did not want it."""
    from aios_app.cli import terminal

    is_confirmed = is_sure or not terminal.is_interactive()
    answer = session.write(lambda client: client.post("/runs", {**body, "is_confirmed": is_confirmed}))
    if "question" not in answer:
        return answer
    if not confirm(str(answer["question"]), is_sure=False):
        return None
    return session.write(lambda client: client.post("/runs", {**body, "is_confirmed": True}))


def prompt_of(args: argparse.Namespace) -> str | None:
    """The prompt from these places, None where none was named."""
    if args.edit:
        from aios_app.cli.interaction import edited

        return edited()
    if args.prompt_file is None:
        return None
    import sys

    try:
        data = sys.stdin.buffer.read() if args.prompt_file == "-" else Path(args.prompt_file).read_bytes()
    except OSError as error:
        raise UsageError(f"{args.prompt_file}: {error.strerror}") from error
    return data.decode("utf-8", "surrogateescape")


def _show(answer: Json, args: argparse.Namespace) -> None:
    run = answer["run"]
    jobs = _jobs(run)
    name_machines(jobs, answer.get("machines", ()))
    projects = len({job["project_id"] for job in jobs})
    title = "dry run" if args.dry_run else f"r{run['number']}"
    output.say(f"{title}: {_count(len(jobs), 'job')} in {_count(projects, 'project')}")
    if answer.get("base"):
        output.say(output.clean(answer["base"]))
    if args.dry_run:
        _show_plan(run)
    elif len(jobs) <= _MOST_LINES and not args.wait:
        output.say("\n".join(job_lines(jobs, 0)))


def _show_plan(run: Json) -> None:
    for stage in run["stages"]:
        if len(run["stages"]) > 1:
            output.say(output.clean(f"stage {stage['index'] + 1}: {stage['label']}"))
        for job in stage["jobs"]:
            where = f"  on {job['where']}" if "where" in job else ""
            output.say(output.clean(f"  {job['name']}  {job['branch']}{where}"))


def _show_problems(answer: Json) -> None:
    for problem in answer["problems"]:
        output.note(output.clean(f"skipped {problem['project']}: {problem['message']}"))


def show_notice(answer: Json) -> None:
    """What the service wants to be read once."""
    if answer.get("notice"):
        output.note(output.clean(answer["notice"]))


def _jobs(run: Json) -> list[Json]:
    return [job for stage in run["stages"] for job in stage["jobs"]]


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
