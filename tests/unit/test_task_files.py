"""Task files: what is wrong in one is a line with its place; the schema for editors says the same."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema_rs
import pytest

from aios_app.cli.tasks.reading import SCHEMA, Task, read_task
from aios_app.domain.errors import UsageError
from aios_app.domain.steps import Step

GOOD = """{
  "$schema": "task.schema.json",
  "name": "Deploy",
  "repo": "shop",
  "branch": "{{branch}}",
  "variables": {"env": null, "branch": "main", "empty": ""},
  "steps": [
    {"desc": "Build {{env}}", "cmd": "make {{target}}"},
    {"desc": "Say", "cmd": "echo \\"{{env}}\\" \\\\{{not}}"}
  ]
}
"""
_STEP = '{"desc": "a", "cmd": "b"}'


def read(directory: Path, text: str | bytes) -> Task:
    """The task in a file of that text."""
    path = directory / "t.json"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_task(path, "t.json")


def test_a_task_file_is_read_with_its_variables_and_where_they_are_wanted(tmp_path: Path) -> None:
    task = read(tmp_path, GOOD)

    assert (task.name, task.repo, task.branch, task.repo_place) == (
        "Deploy",
        "shop",
        "{{branch}}",
        "t.json:4:11",
    )
    assert task.steps[0] == Step(description="Build {{env}}", command="make {{target}}")
    assert task.variables == {"env": None, "branch": "main", "empty": ""}
    assert task.needs == {"env": "t.json:8:5", "target": "t.json:8:5", "branch": "t.json:5:13"}


def test_values_take_the_places_of_their_names(tmp_path: Path) -> None:
    filled = read(tmp_path, GOOD).filled({"env": "a b", "target": "all", "branch": "next"})

    assert [step.command for step in filled.steps] == ["make all", 'echo "a b" \\{{not}}']
    assert (filled.steps[0].description, filled.branch, filled.needs) == ("Build a b", "next", {})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"name": "x",\n "steps": [}', "t.json:2:12: not JSON: expecting value"),
        ("", "t.json:1:1: not JSON: expecting value"),
        ("[]", "t.json:1:1: a task is an object, {...}, not an array"),
        ("{}", "t.json:1:1: a task needs 'name', which is missing"),
        ('{"name": "x"}', "t.json:1:1: a task needs 'steps', which is missing"),
        ('{"name": "x",\n  "stepz": []}', "t.json:2:3: a task has no 'stepz': did you mean steps?"),
        (f'{{"name": "x", "name": "y", "steps": [{_STEP}]}}', "t.json:1:15: 'name' is here twice"),
        ('{"name": "x",\n "steps": []}', "t.json:2:11: there are no steps"),
        (f'{{"name": "x",\n "steps": {_STEP}}}', "t.json:2:11: steps are an array, [...], not an object"),
        ('{"name": "x", "steps": ["ls"]}', "t.json:1:25: a step is an object, {...}, not a text"),
        ('{"name": "x", "steps": [{"desc": "a"}]}', "t.json:1:25: a step needs 'cmd', which is missing"),
        (
            '{"name": "x", "steps": [\n{"desc": "é", "cmd": 1}]}',
            "t.json:2:22: cmd is a text in quotes, not a number",
        ),
        ('{"name": "x", "steps": [{"desc": "a", "cmd": " "}]}', "t.json:1:46: cmd is empty"),
        (f'{{"name": null, "steps": [{_STEP}]}}', "t.json:1:10: name is a text in quotes, not null"),
        (f'{{"name": "7", "steps": [{_STEP}]}}', "t.json:1:10: '7' means a job or a run"),
        (
            f'{{"name": "x", "variables": {{"a b": "y"}}, "steps": [{_STEP}]}}',
            "t.json:1:29: 'a b' is no name",
        ),
        (
            f'{{"name": "x", "variables": {{"a": 1}}, "steps": [{_STEP}]}}',
            "t.json:1:34: the variable a is a text in quotes, not a number",
        ),
        ("[" * 100_000, "t.json:1:1: not JSON that can be read"),
        (b'{"name":\n"\xff"}', "t.json:2:2: not UTF-8"),
        (" " * 1_000_001, "t.json: a task file has at most 1,000,000 bytes"),
    ],
)
def test_what_is_wrong_is_one_line_with_its_place(tmp_path: Path, text: str | bytes, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        read(tmp_path, text)

    assert str(caught.value).startswith(said)
    assert "\n" not in str(caught.value)


def test_the_task_of_the_documents_is_one(tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / "docs/dashboard.md").read_text()

    task = read(tmp_path, text.partition("```json\n")[2].partition("```")[0])

    assert (task.repo, task.branch, list(task.needs), len(task.steps)) == ("shop", "main", ["note", "env"], 2)


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        f'{{"name": "x", "steps": [{_STEP}]}}',
        "{}",
        '{"name": "x", "steps": []}',
        f'{{"name": "x", "extra": 1, "steps": [{_STEP}]}}',
        f'{{"name": 1, "steps": [{_STEP}]}}',
        '{"name": "x", "steps": [{"desc": "a"}]}',
        '{"name": "x", "steps": [{"desc": "a", "cmd": "", "dir": "b"}]}',
        f'{{"name": "x", "variables": {{"a": 1}}, "steps": [{_STEP}]}}',
        f'{{"name": "x", "variables": {{"a b": "1"}}, "steps": [{_STEP}]}}',
    ],
)
def test_the_schema_for_editors_takes_what_is_taken(tmp_path: Path, text: str) -> None:
    schema = json.loads(SCHEMA.read_text())

    def is_taken() -> bool:
        try:
            read(tmp_path, text)
        except UsageError:
            return False
        return True

    assert jsonschema_rs.is_valid(schema, json.loads(text)) == is_taken()
