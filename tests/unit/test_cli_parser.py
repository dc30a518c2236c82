from __future__ import annotations

import importlib

import pytest

from aios_app.cli import exits, parser, topics, verbs
from aios_app.cli.job_lines import LIVE, WENT_WRONG
from aios_app.domain import errors
from aios_app.domain.errors import AiosError, UsageError
from aios_app.domain.models import LIVE_STATES, JobState


def _parse(*words: str) -> dict[str, object]:
    verb, given = parser.find_verb(words[0])
    return vars(parser.parse(verb, parser.load(verb), [*given, *words[1:]]))


def test_flags_may_stand_anywhere_between_the_words() -> None:
    args = _parse("all", "--only", "web", "c:2", "--seq", "fix it", "--wait", "--only", "shop")

    assert args["words"] == ["c:2", "fix it"]
    assert args["only"] == ["web", "shop"]
    assert args["seq"]
    assert args["wait"]


@pytest.mark.parametrize(
    "prompt", ["-y is a flag", "--seq does nothing", "- [ ] a list\n- [ ] more", "-e x=1"]
)
def test_a_prompt_that_begins_with_a_dash_is_a_prompt(prompt: str) -> None:
    args = _parse("all", "c:1", prompt)

    assert args["words"] == ["c:1", prompt]
    assert not args["seq"]
    assert not args["yes"]


def test_an_option_may_carry_a_value_with_blanks() -> None:
    assert _parse("all", "c:1", "--prompt-file=my task.md")["prompt_file"] == "my task.md"


def test_what_stands_after_two_dashes_is_for_the_agent() -> None:
    args = _parse("all", "c:1", "task", "--", "--model", "o5", "-y")

    assert args["words"] == ["c:1", "task"]
    assert args["rest"] == ["--model", "o5", "-y"]
    assert not args["yes"]


def test_a_verb_without_further_arguments_refuses_them() -> None:
    with pytest.raises(UsageError, match="takes nothing after --"):
        _parse("stop", "7", "--", "now")


@pytest.mark.parametrize(
    ("words", "name", "given"),
    [("3", "shell", ["3"]), ("w7", "w", ["7"]), ("r3", "jobs", ["r3"]), ("jobs", "jobs", [])],
)
def test_numbers_are_commands(words: str, name: str, given: list[str]) -> None:
    verb, found = parser.find_verb(words)

    assert (verb.name, found) == (name, given)


def test_an_unknown_word_names_the_nearest_command() -> None:
    with pytest.raises(UsageError, match=r"^'jbos' is not a command: did you mean jobs\? \(aios help\)$"):
        parser.find_verb("jbos")


@pytest.mark.parametrize(
    "words", [("stop",), ("jobs", "--no-such"), ("all", "--se", "c:1"), ("agents", "frob")]
)
def test_wrong_usage_is_one_line_that_names_the_help_page(words: tuple[str, ...]) -> None:
    with pytest.raises(UsageError, match=rf"\(aios {words[0]} --help\)$") as raised:
        _parse(*words)

    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("verb", verbs.VERBS.values(), ids=lambda verb: verb.name)
def test_each_command_has_a_page_that_ends_with_real_command_lines(verb: verbs.Verb) -> None:
    module = importlib.import_module(f"aios_app.cli.commands.{verb.module}")

    page = parser.help_of(verb, module)

    *_, last = page.splitlines()
    assert page.startswith(f"usage: aios {verb.name}")
    assert "examples:" in page
    assert "aios" in last
    assert max(map(len, page.splitlines())) <= 80


def test_the_short_help_has_twelve_words_and_the_topics_have_all() -> None:
    pages = [topics.page(topic) for topic in verbs.TOPICS]

    assert sum(verb.is_basic for verb in verbs.VERBS.values()) == 12
    for verb in verbs.VERBS.values():
        assert sum(f"  {verb.name} " in page for page in pages) >= 1
    assert all(len(line) <= 80 for page in [verbs.short_help(), *pages] for line in page.splitlines())


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.BadAgentSpec(), exits.USAGE),
        (errors.ProjectUnusable(), exits.USAGE),
        (errors.ProjectExists(), exits.CONFLICT),
        (errors.GitError(), exits.EXTERNAL),
        (errors.AiosError(), exits.EXTERNAL),
    ],
)
def test_each_kind_of_error_has_its_exit_code(error: AiosError, code: int) -> None:
    assert exits.code_of(error) == code


def test_the_states_are_those_of_the_domain() -> None:
    assert {state.value for state in LIVE_STATES} == LIVE
    assert {state.value for state in JobState} - LIVE - WENT_WRONG == {"review", "landed", "dropped"}
