"""The words of the command line. Only the parser of the verb that was typed is built."""

from __future__ import annotations

import argparse
import importlib
import re
from collections.abc import Iterable, Sequence
from types import ModuleType

from aios_app.cli import terminal
from aios_app.cli.verbs import PROMPT_WORDS, VERBS, Verb
from aios_app.domain.errors import UsageError

TYPE_CHECKING = False  # typing's own costs 2 ms at import
if TYPE_CHECKING:
    from typing import Any, NoReturn

#: ``3``, ``w7``, ``w+7``, ``w++7`` and ``r3`` are commands too: the verb that each stands for.
_HANDLES = (
    (r"\d+", "shell"),
    (r"w\d+", "w"),
    (r"w\+\d+", "w+"),
    (r"w\+\+\d+", "w++"),
    (r"r\d+", "jobs"),
)
_MAY_BE_AGENT = re.compile(r"[A-Za-z][A-Za-z0-9_-]*(\+\+)?")
#: Words of other programs, and the command that does it here.
_ELSEWHERE = {
    "clean": "cleanup",
    "delete": "w+",
    "init": "setup",
    "kill": "stop",
    "list": "jobs",
    "merge": "land",
    "projects": "p",
    "ps": "jobs",
    "rm": "w+",
    "runs": "jobs",
    "sessions": "ls",
    "show": "diff",
    "tail": "logs",
    "undo": "revert",
    "upgrade": "update",
    "worktree": "w",
    "worktrees": "w",
}


class _Formatter(argparse.RawDescriptionHelpFormatter):
    def __init__(self, prog: str) -> None:
        """The width is given, as argparse would load ``shutil`` to ask for it, for every argument added."""
        super().__init__(prog, width=terminal.size()[0] - 2)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{self.prog}: {message}{self._near(message)} ({self.prog} --help)")

    def _near(self, message: str) -> str:
        """What a flag that is none may have meant."""
        word = message.removeprefix("unrecognized arguments: ").partition(" ")[0].partition("=")[0]
        if word == message or not word.startswith("--"):
            return ""
        return _did_you_mean(word, self._option_string_actions)

    def _parse_optional(self, arg_string: str) -> Any:  # noqa: ANN401 - as argparse has it, by version
        """A word with a blank is text, e.g. a prompt that begins with a dash."""
        if any(ch.isspace() for ch in arg_string.partition("=")[0]):
            return None
        return super()._parse_optional(arg_string)


def find_verb(word: str, also: Iterable[str] = ()) -> tuple[Verb, list[str]]:
    """The verb that a first word means, and the arguments that are in the word itself.

    The ``UsageError`` of an unknown one names the nearest command, agent, or word of ``also``.
    """
    if word in VERBS:
        return VERBS[word], []
    for pattern, name in _HANDLES:
        if re.fullmatch(pattern, word, re.ASCII):
            return VERBS[name], [word.lstrip("w+")]
    agents = _agents() if _MAY_BE_AGENT.fullmatch(word) else []
    if agents and _calls_agent(word, agents):
        return VERBS["start"], [word]
    if word in PROMPT_WORDS:
        raise UsageError(f"'{word}' is a word of the dashboard's prompt: aios help steps")
    raise UsageError(f"'{word}' is not a command{_hint(word, [*VERBS, *also, *agents])} (aios help)")


def _agents() -> list[str]:
    """The agents' keys and names."""
    from aios_app.cli import on_disk

    return [name for agent in on_disk.agents()["agents"] for name in (agent["key"], agent["name"])]


def _calls_agent(word: str, agents: list[str]) -> bool:
    """Whether the word is an agent's key or name, with or without what may be at its end."""
    from aios_app.domain.opening import split_call

    return split_call(word, agents) is not None


def load(verb: Verb) -> ModuleType:
    """The module of the verb."""
    return importlib.import_module(f"aios_app.cli.commands.{verb.module}")


def parse(verb: Verb, module: ModuleType, words: Sequence[str]) -> argparse.Namespace:
    """The arguments; ``rest`` holds what stands after ``--`` where the verb takes such."""
    own, rest = _split(words)
    if rest and not verb.takes_rest:
        raise UsageError(f"aios {verb.name} takes nothing after --")
    args = make_parser(verb, module).parse_intermixed_args(own)
    args.rest = rest
    return args


def help_of(verb: Verb, module: ModuleType) -> str:
    """The help page of the verb; it ends with real command lines."""
    return make_parser(verb, module).format_help().rstrip()


def make_parser(verb: Verb, module: ModuleType) -> argparse.ArgumentParser:
    """The parser of one verb."""
    parser = _Parser(
        prog=f"aios {verb.name}",
        usage=f"aios {verb.name} {verb.arguments}".rstrip() + " [OPTIONS]" + " [-- ARGS]" * verb.takes_rest,
        description=verb.summary,
        epilog="examples:\n" + "\n".join(f"  {line}" for line in module.EXAMPLES),
        formatter_class=_Formatter,
        allow_abbrev=False,
        add_help=False,
    )
    module.add_arguments(parser)
    parser.add_argument("-h", "--help", action="store_true", help="show this page")
    return parser


def asks_for_help(words: Sequence[str]) -> bool:
    """Whether the words ask for the page of their verb."""
    own, _ = _split(words)
    return "-h" in own or "--help" in own


def _split(words: Sequence[str]) -> tuple[list[str], list[str]]:
    at = words.index("--") if "--" in words else len(words)
    return list(words[:at]), list(words[at + 1 :])


def _hint(word: str, known: Iterable[str]) -> str:
    meant = _ELSEWHERE.get(word)
    return f": did you mean {meant}?" if meant else _did_you_mean(word, known)


def _did_you_mean(word: str, known: Iterable[str]) -> str:
    from aios_app.store.wording import did_you_mean

    return did_you_mean(word, known)
