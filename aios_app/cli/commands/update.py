"""``aios update``: a newer AIOS, or the one before."""

from __future__ import annotations

import argparse

from aios_app.cli import exits, output, session
from aios_app.cli.client import Json
from aios_app.cli.interaction import confirm
from aios_app.domain.errors import StackError, error_of_kind

TYPE_CHECKING = False  # typing's own costs 2 ms at import
if TYPE_CHECKING:
    from collections.abc import Iterator

EXAMPLES = (
    "aios update              shows what is new, asks, takes it; agents go on",
    "aios update -y",
    "aios update --back       the version before again",
    "aios --auto-update-on    look once a week, and take what is new",
    "aios --auto-update-off   only when I say so",
    "aios config check_interval 86400     once a day",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``update``."""
    parser.add_argument("--back", action="store_true", help="go back to the version before")
    parser.add_argument("-y", "--yes", action="store_true", help="do not ask")


def run(args: argparse.Namespace) -> int:
    """Says what is new and what becomes of it; nothing is changed where the person says no."""
    from aios_app.stack.releases import Releases

    failure = Releases.failure_line(session.settings())
    if failure:
        _note_lines(failure)
    if args.back:
        _updater("back")
        return exits.DONE
    news = _updater("look").get("news")
    if not news:  # one that was cut off is finished
        return exits.DONE
    if news["remark"]:
        output.note(output.clean(news["remark"]))
    if not news["behind"]:
        output.say(f"aios {news['commit'][:7]} is the newest there is")
        return exits.DONE
    _show(news)
    if not confirm("Build it, and go over to it?", is_sure=args.yes):
        return exits.FAILED
    _updater("take", news["commit"])
    return exits.DONE


def _show(news: Json) -> None:
    count = news["behind"]
    output.say(f"{count} new commit{'s' * (count != 1)}:")
    for line in news["lines"]:
        output.say(f"  {output.clean(line)}")
    if count > len(news["lines"]):
        output.say(f"  and {count - len(news['lines'])} more")


def _updater(*words: str) -> Json:
    """What the program that updates answers in the end; shows what it says on the way."""
    answer: Json | None = None
    for answer in _answers(words):
        if "say" in answer:
            output.say(output.clean(answer["say"]))
    if answer is None or "say" in answer:
        raise StackError(f"the update was cut off: see {session.settings().logs_dir}/updater.log")
    if "error" in answer:
        error = answer["error"]
        raise error_of_kind(error["kind"], error["message"], StackError)
    return answer


def _answers(words: tuple[str, ...]) -> Iterator[Json]:
    import json
    import os
    import subprocess
    import sys

    argv = [sys.executable, "-P", "-m", "workers.updater", *words]
    environment = {**os.environ, **session.settings().environment()}
    with subprocess.Popen(
        argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, env=environment, text=True
    ) as process:
        for line in process.stdout or ():
            yield json.loads(line)


def _note_lines(text: str) -> None:
    for line in output.clean_block(text).splitlines():
        output.note(line)
