"""``aios help``: the page of a command, or of a topic."""

from __future__ import annotations

import argparse

from aios_app.cli import exits, output, parser, topics, verbs

EXAMPLES = ("aios help", "aios help all", "aios help projects")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``help``."""
    parser.add_argument(
        "word", nargs="?", metavar="COMMAND|TOPIC", help=f"a topic is {', '.join(verbs.TOPICS)}"
    )


def run(args: argparse.Namespace) -> int:
    """Prints the page."""
    output.say(_page(args.word))
    return exits.DONE


def _page(word: str | None) -> str:
    if word is None:
        return verbs.short_help()
    if word in verbs.TOPICS:
        return topics.page(word)
    verb, _ = parser.find_verb(word, also=verbs.TOPICS)
    return parser.help_of(verb, parser.load(verb))
