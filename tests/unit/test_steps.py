"""Lists of steps: the line that builds one, and what is said of their ends."""

from __future__ import annotations

import pytest

from aios_app.domain.errors import UsageError
from aios_app.domain.steps import Step, cause_of, dumped, loaded, parse_step, progress_of

LONG = "x" * 10_000
THREE = tuple(Step(description=f"Do {n}", command=f"echo {n}") for n in (1, 2, 3))


@pytest.mark.parametrize(
    ("line", "name", "description", "command"),
    [
        ("demo: Start | echo hi", "demo", "Start", "echo hi"),
        ("demo: Pipe | ps | grep x", "demo", "Pipe", "ps | grep x"),
        ("demo: At 10:30 | date +%H:%M", "demo", "At 10:30", "date +%H:%M"),
        ("  demo :Start|a||b ", "demo", "Start", "a||b"),
        ("my job: 日本 'x' | echo \"$(date) `id`\"", "my job", "日本 'x'", 'echo "$(date) `id`"'),
        (f"{LONG}: {LONG} | {LONG}", LONG, LONG, LONG),
    ],
)
def test_only_the_first_colon_and_the_first_bar_divide(
    line: str, name: str, description: str, command: str
) -> None:
    assert parse_step(line) == (name, Step(description=description, command=command))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("demo: Start", "'|' is missing"),
        ("demo", "':' is missing"),
        (": Start | x", "the name is missing"),
        ("demo: | x", "the description is missing"),
        ("demo: Start |  ", "the command is missing"),
        ("7: Start | x", "means a job or a run"),
        ("r3: Start | x", "means a job or a run"),
        ("a\x1bb: Start | x", "control characters"),
        ("demo: Start | x\0y", "NUL"),
        ("demo: Start | \udc80", "no text"),
    ],
)
def test_what_is_no_step_is_refused_with_a_reason(line: str, said: str) -> None:
    with pytest.raises(UsageError, match=said.replace("|", r"\|")):
        parse_step(line)


def test_steps_come_back_as_they_were() -> None:
    steps = (Step(description="日本 | :", command="echo \"$(x)\" 'y' \\\n\tz"), *THREE)

    assert loaded(dumped(steps)) == steps


def test_the_progress_is_one_line_that_steers_no_terminal() -> None:
    steps = (*THREE, Step(description=f"\x1b[2J\n{LONG}", command="x"))

    assert progress_of(steps, 2) == "2/4: Do 2"
    assert progress_of(steps, 4).startswith("4/4:  [2J xxx")
    assert (progress_of(steps, 4).isprintable(), len(progress_of(steps, 4)) < 120) == (True, True)
    assert (progress_of(steps, 0), progress_of(steps, 5)) == ("", "")


@pytest.mark.parametrize(
    ("number", "words", "cause"),
    [
        (2, "exited 1", 'step 2 "Do 2" exited 1'),
        (3, "ended by SIGKILL", 'step 3 "Do 3" ended by SIGKILL'),
        (3, "", ""),
        (2, "", 'step 2 "Do 2" ended the shell, so 1 further step did not run'),
        (1, "", 'step 1 "Do 1" ended the shell, so 2 further steps did not run'),
        (0, "exited 127", "exited 127"),
    ],
)
def test_the_step_at_which_the_shell_ended_is_named(number: int, words: str, cause: str) -> None:
    assert cause_of(THREE, number, words) == cause
