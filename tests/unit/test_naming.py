"""Names that AIOS gives."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aios_app.domain.naming import branch_name, job_name


@pytest.mark.parametrize(
    ("prompt", "branch"),
    [
        ("Fix the login redirect", "aios/7-fix-the-login-redirect"),
        ("\n\n  Grün & blau: $(touch x)\nmore", "aios/7-grun-blau-touch-x"),
        ("--force ../..~^:", "aios/7-force"),
        ("\u4fee\u590d\u767b\u5f55", "aios/7"),
        ("", "aios/7"),
        ("a" * 100, "aios/7-" + "a" * 40),
    ],
)
def test_a_branch_is_named_after_the_prompt(prompt: str, branch: str) -> None:
    assert branch_name(7, prompt) == branch


@given(st.text())
def test_every_prompt_gives_a_branch_that_git_takes(prompt: str) -> None:
    assert re.fullmatch(r"aios/7(-[a-z0-9]([a-z0-9_-]{0,38}[a-z0-9])?)?", branch_name(7, prompt))


@given(st.text(), st.text(), st.integers(min_value=1, max_value=10**9))
def test_every_project_gives_a_name_that_tmux_and_directories_take(
    project: str, agent: str, number: int
) -> None:
    name = job_name(
        project=project, agent=agent, stamp="20261120-063900", source="multi", instance=98, number=number
    )

    assert re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name)
    assert name.endswith(f"-20261120-063900-multi-98-j{number}")
