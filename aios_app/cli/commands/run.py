"""``aios run``: steps in one shell, as built at the prompt or from a task file."""

from __future__ import annotations

import argparse

from aios_app.cli import exits, output, session, terminal
from aios_app.cli.client import Json, caller_directory
from aios_app.domain.errors import UsageError

EXAMPLES = (
    "aios run demo                         the steps that were built as demo",
    "aios run deploy --var env=prod        tasks/deploy.json of this project",
    "aios run tasks/deploy.json --dry-run  what it would do",
    "aios run --schema                     the schema of task files, for editors",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``run``."""
    add = parser.add_argument
    add("name", nargs="?", metavar="NAME|FILE", help="a list of steps, a task in tasks/, or a task file")
    add("--var", action="append", default=[], metavar="K=V", help="what stands for {{K}} in the task file")
    add("-d", "--detach", action="store_true", help="do not attach")
    add("--dry-run", action="store_true", help="show the steps, run nothing")
    add("--schema", action="store_true", help="print where the JSON Schema of task files is")
    add("--json", action="store_true", help="print the answer of the API, and do not attach")
    add("-y", "--yes", action="store_true", help="do not ask")


def run(args: argparse.Namespace) -> int:
    """Runs the steps in a job, and attaches to it where a person is there."""
    if args.schema:
        from aios_app.cli.tasks.reading import SCHEMA

        output.say(str(SCHEMA))
        return exits.DONE
    if not args.name:
        raise UsageError("run what? aios run NAME, or aios run FILE")
    answer = _run(args)
    if answer is None:
        return exits.FAILED
    if args.json:
        output.say_json(answer)
        return exits.DONE
    job = answer["run"]["stages"][0]["jobs"][0]
    if args.dry_run:
        output.say(output.clean(f"would run in {job['worktree']}"))
        return exits.DONE
    return _started(answer, job, attaches=not args.detach and terminal.is_interactive())


def _run(args: argparse.Namespace) -> Json | None:
    """The answer of the API; None where the person did not want it."""
    from aios_app.cli.tasks import running

    is_file = "/" in args.name or args.name.endswith(".json")
    built = None if is_file else running.find_built(args.name)
    if built is None:
        return running.run_task(
            args.name, args.var, is_sure=args.yes, is_quiet=args.json, is_dry_run=args.dry_run
        )
    if args.var:
        raise UsageError(f"{output.clean(args.name)} was built at the prompt and has no variables")
    if args.dry_run and not args.json:
        running.show_steps(built["steps"])
    body = {"name": built["name"], "cwd": caller_directory(), "is_dry_run": args.dry_run}
    return session.write(lambda client: client.post("/steps/run", body))


def _started(answer: Json, job: Json, *, attaches: bool) -> int:
    number = job["number"]
    if answer["base"]:
        output.say(output.clean(answer["base"]))
    output.say(output.clean(f"r{answer['run']['number']}: #{number} {job['title']} in {job['worktree']}"))
    if attaches:
        from aios_app.cli.commands.attach import attach

        attach(str(number), read_only=False)
    output.say(f"next: aios attach {number}   aios wait {number}")
    return exits.DONE
