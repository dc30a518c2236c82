"""``aios c``: an agent for this directory, found or started."""

from __future__ import annotations

import argparse

from aios_app.cli import exits, launch, output, session, terminal
from aios_app.cli.client import Json, caller_directory
from aios_app.cli.job_lines import job_lines
from aios_app.domain.errors import ConflictError

EXAMPLES = (
    "aios c                  Codex in this directory: attach, or start it",
    "aios c shop             the same in project shop; aios c ../x in a directory",
    'aios c "fix the test"   give it that prompt, and attach',
    "aios cp                 its default prompt, to be edited",
    "aios cpp                its default prompt, submitted",
    'aios c++ shop "fix it"  in a new worktree, with a branch of its own',
    'aios l -d -p "go on"    Claude; do not attach',
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``start``."""
    add = parser.add_argument
    add("agent", metavar="AGENT", help="a key or a name; with p, pp or ++ at its end: see the examples")
    add("words", nargs="*", metavar="WORD", help="a project's number or name, or a directory; the prompt")
    prompt = parser.add_mutually_exclusive_group()
    prompt.add_argument("-p", "--prompt", metavar="TEXT", help="the prompt, whatever it looks like")
    launch.add_prompt_sources(prompt)
    add("-d", "--detach", action="store_true", help="do not attach")
    add("-w", "--new-window", action="store_true", help="attach in a new window of your terminal program")
    add("-t", "--with-terminal", action="store_true", help="also open a shell there, as a second tmux window")
    add("--base", default="", metavar="REF", help="with ++: begin the worktree at this commit or branch")
    add("--name", default="", metavar="N", help="the first part of the session's name")
    add("--limit", default="", metavar="2h", help="a job that works longer has failed")
    add("--machine", default="", metavar="M", help="with ++: on this machine of the cluster")
    add("--dry-run", action="store_true", help="say what would be done")
    add("--json", action="store_true", help="print the answer of the API, and do not attach")


def run(args: argparse.Namespace) -> int:
    """Finds or starts the session, says what the words were taken for, and attaches."""
    stays = args.detach or args.json or args.dry_run
    if not (stays or args.new_window or terminal.is_interactive()):
        raise ConflictError("attaching needs a terminal, nothing was started: add -d")
    answer = session.write(lambda client: client.post("/jobs/open", _body(args)))
    if args.json:
        output.say_json(answer)
    else:
        _show(answer, is_plan=args.dry_run, stays=stays)
    if not stays:
        _go_there(str(answer["job"]["number"]), in_window=args.new_window)
    delivery = answer.get("delivery")
    return exits.FAILED if delivery and not delivery["is_delivered"] else exits.DONE


def _body(args: argparse.Namespace) -> Json:
    return {
        "agent": args.agent,
        "words": args.words,
        "cwd": caller_directory(),
        "prompt": launch.prompt_of(args) if args.prompt is None else args.prompt,
        "base": args.base,
        "name": args.name,
        "limit": args.limit,
        "extra_args": args.rest,
        "machine": args.machine,
        "has_shell": args.with_terminal,
        "is_dry_run": args.dry_run,
    }


def _show(answer: Json, *, is_plan: bool, stays: bool) -> None:
    if answer["taken"]:
        output.say(output.clean(answer["taken"]))
    job = answer["job"]
    if is_plan:
        verb = "start" if answer["is_new"] else f"find #{job['number']}"
        output.say(output.clean(f"would {verb} {_place(job)}"))
        return
    if answer["is_new"] and answer.get("base"):
        output.say(output.clean(answer["base"]))
    verb = "started" if answer["is_new"] else "found"
    output.say(output.clean(f"{verb} #{job['number']} {_place(job)}"))
    for line in job_lines([job], 0):
        output.say(line)
    launch.show_notice(answer)
    if stays:
        output.say(f"next: aios attach {job['number']}   aios wait {job['number']}")
    if answer.get("delivery"):
        output.note(output.clean(f"#{job['number']} {answer['delivery']['message']}"))


def _place(job: Json) -> str:
    where = job["worktree"] if job.get("is_in_place") else f"a new worktree of {job['project']}"
    return f"{job['agent']} in {where}"


def _go_there(number: str, *, in_window: bool) -> None:
    if not in_window:
        from aios_app.cli.commands.attach import attach

        attach(number, read_only=False)
    from aios_app.cli.windows import open_window

    open_window(["attach", number], by_hand=f"aios attach {number}")
