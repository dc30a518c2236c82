from __future__ import annotations

import pytest

from aios_app.domain.answering import parse_rules, reply_to, why_not_answered
from aios_app.domain.errors import BadValue


def test_the_first_pattern_that_is_in_the_question_gives_the_reply() -> None:
    rules = parse_rules("# mine\nproceed? = y\n\nrun * tests = all of them\n* = later")

    assert reply_to("Proceed? [y/N]", rules) == "y"
    assert reply_to("Shall I RUN the unit tests?", rules) == "all of them"
    assert reply_to("What now?", rules) == "later"
    assert reply_to("What now?", rules[:2]) is None


def test_a_question_mark_and_brackets_stand_for_themselves() -> None:
    rules = parse_rules("go on [y/n]? = y")

    assert reply_to("Go on [y/N]?", rules) == "y"
    assert reply_to("Go on y", rules) is None


def test_a_reply_may_hold_the_sign_that_divides() -> None:
    assert parse_rules("which level? = level = 2") == [("which level?", "level = 2")]


@pytest.mark.parametrize("line", ["proceed", "= y", "proceed? =", "proceed?=y"])
def test_a_line_that_is_no_rule_is_refused(line: str) -> None:
    with pytest.raises(BadValue, match="write pattern = reply"):
        parse_rules(line)


@pytest.mark.parametrize(
    "question",
    [
        "Proceed? [y/N]",
        "Do you want to run `npm test`?",
        "May I read src/index.ts?",
        "Apply this edit to information.md?",
        "Is the first paragraph right?",
        "Continue with step 2 of 3?",
        "Soll ich weitermachen?",
        "\u7d9a\u3051\u307e\u3059\u304b?",
    ],
)
def test_a_harmless_question_may_be_answered(question: str) -> None:
    assert why_not_answered(question) == ""


@pytest.mark.parametrize(
    "question",
    [
        "Delete the branch?",
        "DELETE everything? [y/N]",
        "Proceed to undelete? No: to delete",
        "d e l e t e the file?",
        "de-lete it?",
        "d.e.l.e.t.e it?",
        "del\u200bete the file?",
        "de\u00adlete the file?",
        "d\u00e9lete the file?",
        "\uff24\uff45\uff4c\uff45\uff54\uff45 the file?",
        "d\u0435lete the file?",
        "\x1b[1mdel\x1b[0mete it?",
        "delete_all() now?",
        "Remove node_modules?",
        "Run `rm -rf build`?",
        "Run `git push -f`?",
        "Run `git push --force-with-lease`?",
        "Force push to main?",
        "Overwrite config.json? (y/n)",
        "File exists. Replace it?",
        "git reset --hard?",
        "Discard local changes?",
        "Drop table users?",
        "Clean untracked files?",
        "Uninstall it first?",
        "Pay $5 to go on?",
        "This is 12 \u20ac, go on?",
        "That is \u20ac 12, go on?",
        "Upgrade to the paid plan?",
        "Buy more credits?",
        "You will be charged. Continue?",
        "Kill the server?",
        "Deploy to production?",
        "Enter the password:",
    ],
)
def test_what_names_deleting_forcing_overwriting_or_paying_is_left_to_the_person(question: str) -> None:
    assert why_not_answered(question) != ""
    assert why_not_answered("Proceed?", f"above\n{question}\nProceed?") != ""
