"""Help that teaches: what it shows can be typed, and who mistypes is told what was meant."""

from __future__ import annotations

import re
import shlex

import pytest

from aios_app.cli import parser, topics, verbs
from aios_app.domain.errors import UsageError


def _typed(line: str) -> list[str]:
    """The commands of a line of help, without what it says of them."""
    command = re.split(r"\s{2,}", line.strip())[0]
    return re.findall(r"(?:^|; |&& )(?:[A-Z_]+=\S+ )?(?:\./)?aios (.*?)(?=; | &&|$)", command)


def _check(command: str) -> None:
    first, *words = shlex.split(command)
    if first.startswith("--"):
        return
    verb, given = parser.find_verb(first)
    parser.parse(verb, parser.load(verb), [*given, *words])


@pytest.mark.parametrize("verb", verbs.VERBS.values(), ids=lambda verb: verb.name)
def test_each_example_of_a_command_can_be_typed_as_it_stands(verb: verbs.Verb) -> None:
    examples = parser.load(verb).EXAMPLES
    commands = [command for line in examples for command in _typed(line)]

    for command in commands:
        _check(command)
    assert commands


@pytest.mark.parametrize("topic", verbs.TOPICS)
def test_each_command_that_a_topic_teaches_can_be_typed_as_it_stands(topic: str) -> None:
    lines = topics.page(topic).partition("\ncommands:")[0].splitlines()
    commands = [command for line in lines if line.startswith("  ") for command in _typed(line)]

    for command in commands:
        _check(command)
    assert len(commands) >= 4


@pytest.mark.parametrize("topic", verbs.TOPICS)
def test_a_page_fits_a_small_terminal(topic: str) -> None:
    page = topics.page(topic).splitlines()

    assert max(map(len, page)) <= 80
    assert len(page) <= 40


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("jbos", "jobs"),
        ("codx", "codex"),
        ("kill", "stop"),
        ("ps", "jobs"),
        ("rm", r"w\+"),
        ("intsall", "install"),
    ],
)
def test_a_mistyped_command_is_told_the_one_that_was_meant(word: str, meant: str) -> None:
    with pytest.raises(UsageError, match=rf"^'{word}' is not a command: did you mean {meant}\?"):
        parser.find_verb(word)


@pytest.mark.parametrize("word", ["clear", "menu", "open", "quit"])
def test_a_word_of_the_dashboards_prompt_is_said_to_be_one(word: str) -> None:
    with pytest.raises(UsageError, match=rf"^'{word}' is a word of the dashboard's prompt: aios help steps"):
        parser.find_verb(word)
    assert word in topics.page("steps")


def test_a_mistyped_topic_is_told_the_one_that_was_meant() -> None:
    with pytest.raises(UsageError, match=r"did you mean machines\?"):
        parser.find_verb("mashines", also=verbs.TOPICS)


@pytest.mark.parametrize(("flag", "meant"), [("--folow", "--follow"), ("--wied=3", "--wide")])
def test_a_mistyped_flag_is_told_the_one_that_was_meant(flag: str, meant: str) -> None:
    verb = verbs.VERBS["jobs"]

    with pytest.raises(UsageError, match=rf"arguments: {flag}: did you mean {meant}\? \(aios jobs --help\)$"):
        parser.parse(verb, parser.load(verb), [flag])


def test_words_of_other_programs_lead_to_commands_that_exist() -> None:
    assert set(parser._ELSEWHERE.values()) <= set(verbs.VERBS)
    assert not set(parser._ELSEWHERE) & set(verbs.VERBS)
