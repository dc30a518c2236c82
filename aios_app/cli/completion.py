"""``aios --complete WORD...``: what the last word may become. The shells' completions call it.

The first line is ``words``, ``files`` or ``directories``. After ``words`` each line is a word, a tab and its
meaning. Only words that mean themselves in every shell are said.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from aios_app.cli import exits, names, output, parser
from aios_app.domain.errors import AiosError

TYPE_CHECKING = False  # typing's own costs 2 ms at import
if TYPE_CHECKING:
    import argparse

_FILES, _DIRECTORIES = "files", "directories"
_PROGRAM_FLAGS = [
    ("--help", "the first page of help"),
    ("--version", "the version"),
    ("--auto-update-on", "look for a newer AIOS now and then"),
    ("--auto-update-off", "do not"),
]
_OF_MACHINES = [("drain", "no new jobs"), ("resume", "jobs again"), ("remove", "out of the cluster")]
_MEANING_CELLS = 60

_Source = Callable[[str], names.Names | str] | str
#: By what the help calls a word; ``verb WORD`` goes before ``WORD``.
_SOURCES: dict[str, _Source] = {
    "AGENT": names.agents,
    "COMMAND|TOPIC": names.pages,
    "DIRECTORY": _DIRECTORIES,
    "F": _FILES,
    "FILE": _FILES,
    "JOB": names.jobs,
    "JOB|NAME": names.jobs,
    "KEY": names.settings,
    "M": names.machines,
    "N|JOB": names.jobs,
    "NUMBER": names.projects,
    "P": names.chosen,
    "PATH|URL": _DIRECTORIES,
    "PROJECT": names.projects,
    "TAG": names.tags,
    "agents WORD": names.agents,
    "all WORD": names.specs,
    "drain|resume|remove NAME": lambda prefix: [*_OF_MACHINES, *names.machines(prefix)],
    "land WORD": names.jobs,
    "multi WORD": lambda prefix: names.specs(prefix) + names.projects(prefix),
    "r3": names.runs,
    "r3|JOB": names.jobs,
    "run NAME|FILE": lambda prefix: ("/" not in prefix and names.runnable(prefix)) or _FILES,
    "send KEY": lambda _: [],
    "send WORD": names.jobs,
    "start WORD": names.projects,
    "trash restore JOB|NAME": lambda prefix: [("restore", "bring it back"), *names.jobs(prefix)],
    "w++ WORD": names.jobs,
}


def run(words: Sequence[str]) -> int:
    """Prints what the last of the words may become; whatever goes wrong, there is nothing to offer."""
    try:
        found = offers(words)
    except (AiosError, OSError, ValueError, KeyError, TypeError):
        found = []
    if isinstance(found, str):
        output.say(found)
        return exits.DONE
    lines = [f"{word}\t{output.fit(output.clean(meaning), _MEANING_CELLS)}" for word, meaning in found]
    output.say("\n".join(["words", *lines]))
    return exits.DONE


def offers(words: Sequence[str]) -> names.Names | str:
    """Words that begin as the last one does, with what they mean, or which kind of path it is."""
    *before, current = words or [""]
    found = _of_verb(before, current) if before else _first(current)
    if isinstance(found, str):
        return found
    return [one for one in dict(found).items() if one[0].startswith(current) and names.is_plain(one[0])]


def _first(current: str) -> names.Names:
    return _PROGRAM_FLAGS if current.startswith("-") else names.commands(current)


def _of_verb(before: list[str], current: str) -> names.Names | str:
    if "--" in before:
        return []
    verb, given = parser.find_verb(before[0])
    actions = parser.make_parser(verb, parser.load(verb))._actions
    flags = {flag: action for action in actions for flag in action.option_strings}
    expecting, position = _walk(flags, [*given, *before[1:]])
    if expecting is not None:
        return _values(verb.name, expecting, current)
    if current.startswith("-"):
        return _flags(verb.name, flags, current)
    action = _positional([one for one in actions if not one.option_strings], position)
    return _values(verb.name, action, current) if action else []


def _walk(flags: dict[str, argparse.Action], words: Sequence[str]) -> tuple[argparse.Action | None, int]:
    """The flag whose value comes next, and how many words stand before the last one."""
    expecting, position = None, 0
    for word in words:
        if expecting is not None:
            expecting = None
        elif word in flags:
            expecting = None if flags[word].nargs == 0 else flags[word]
        elif not word.startswith("-"):
            position += 1
    return expecting, position


def _positional(actions: list[argparse.Action], position: int) -> argparse.Action | None:
    takes_all = next((one for one in actions[: position + 1] if one.nargs in ("*", "+")), None)
    return takes_all or (actions[position] if position < len(actions) else None)


def _flags(verb: str, flags: dict[str, argparse.Action], current: str) -> names.Names | str:
    name, equals, value = current.partition("=")
    if not equals:
        return [(flag, action.help or "") for flag, action in flags.items() if flag.startswith("--")]
    found = _values(verb, flags[name], value) if name in flags else []
    return [] if isinstance(found, str) else [(f"{name}={word}", meaning) for word, meaning in found]


def _values(verb: str, action: argparse.Action, current: str) -> names.Names | str:
    if action.choices is not None:
        return [(str(choice), "") for choice in action.choices]
    source = _SOURCES.get(f"{verb} {action.metavar}") or _SOURCES.get(str(action.metavar), lambda _: [])
    return source if isinstance(source, str) else source(current)
