"""The shell that runs steps, and the values in them, tried with the shells of this machine."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aios_app.agents import STEPS_AGENT, module_for
from aios_app.agents.base import Place
from aios_app.cli.tasks.values import fill_command
from aios_app.domain.errors import BadValue
from aios_app.domain.steps import Step, dumped
from aios_app.spool.launch import HOOK

_HOSTILE = [
    "",
    "a b",
    "$(touch HACK)",
    "`touch HACK`",
    "it's; touch HACK",
    '"; touch HACK; "',
    "a\\",
    "*",
    "~",
    "&& touch HACK",
    "日本\n2",
    "$HOME",
    "\\$(touch HACK)",
    "'$(touch HACK)'",
    "#x",
    "{a,b}",
]
_UNSURE = [
    "echo $(ls {{x}})",
    "echo `ls {{x}}`",
    "cat <<E\n{{x}}\nE",
    "ls # {{x}}",
    "echo $'{{x}}'",
    "echo ${y:-{{x}}}",
    "echo \"$(ls '{{x}}')\"",
    "[[ {{x}} -eq 1 ]]",
    "(( {{x}} ))",
    'echo "`ls {{x}}`"',
]
_PIECES = [
    "{{x}}",
    "'",
    '"',
    "\\",
    " ",
    "a",
    "$(",
    ")",
    "`",
    "#",
    "<<E\n",
    "\nE\n",
    "${",
    "}",
    "\n",
    "((",
    "))",
]
_ATTACKS = [
    "$(touch HACK)",
    "';touch HACK;'",
    '";touch HACK;"',
    "\ntouch HACK\n",
    "`touch HACK`",
    ")\ntouch HACK #",
]


@dataclass(frozen=True, slots=True)
class Ran:
    """What came of steps."""

    status: int
    out: str
    began: list[str]


@pytest.fixture(params=["bash", "/bin/sh"])
def shell(request: pytest.FixtureRequest) -> str:
    """A shell that may run steps: bash, and what there is without it."""
    name: str = request.param
    return name


def run(directory: Path, shell: str, *commands: str) -> Ran:
    """Runs the commands as steps in that directory, beside it their files and signals."""
    files, spool = directory.parent / "files", directory.parent / "spool"
    for folder in (directory, files, spool):
        folder.mkdir()
    place = Place(attempt_dir=files, worktree=directory, repository=directory, attempt="a1")
    steps = [Step(description=f"S{n}", command=command) for n, command in enumerate(commands, start=1)]
    launch = module_for(STEPS_AGENT).launch(STEPS_AGENT, prompt=dumped(steps), place=place)
    for name, text in launch.files.items():
        (files / name).write_text(text)
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(directory), "LANG": "C.UTF-8"}
    signal = {"AIOS_ATTEMPT": "a1", "AIOS_SPOOL": str(spool), "AIOS_HOOK": str(HOOK)}
    argv = [shell, *launch.argv[len(STEPS_AGENT.argv) :]]
    done = subprocess.run(
        argv, cwd=directory, env=environment | signal, capture_output=True, text=True, check=False
    )
    began = [path.read_text() for path in sorted(spool.glob("a1.*.step"))]
    return Ran(done.returncode, done.stdout, began)


def test_directory_variables_functions_and_what_was_sourced_carry_over(tmp_path: Path, shell: str) -> None:
    ran = run(
        tmp_path / "here",
        shell,
        "mkdir sub && cd sub",
        "echo 'y=2' > vars; x='a  b'; greet() { echo \"hi $1\"; }",
        "source ./vars",
        'greet "$x $y ${PWD##*/}"',
    )

    assert (ran.status, ran.began) == (0, ["1", "2", "3", "4"])
    assert ran.out.splitlines()[-2:] == ["--- 4/4: S4", "hi a  b 2 sub"]


@pytest.mark.parametrize(
    ("commands", "status", "began"),
    [
        (["true", "false", "true"], 1, 2),
        (["exit 7", "true"], 7, 1),
        (["exit 0", "true"], 0, 1),
        (["true", "exec sh -c 'exit 4'", "true"], 4, 2),
        (["return 3", "true"], 3, 1),
        (["set -e", "false; true", "true"], 1, 2),
        (["no-such-program-here", "true"], 127, 1),
        (["kill -9 $$", "true"], -9, 1),
        (["echo 'unclosed", "true"], 2, 1),
    ],
)
def test_the_first_step_that_fails_or_ends_the_shell_is_the_last_that_began(
    tmp_path: Path, shell: str, commands: list[str], status: int, began: int
) -> None:
    ran = run(tmp_path / "here", shell, *commands)

    assert (ran.status, len(ran.began)) == (status, began)


@pytest.mark.parametrize(
    "step",
    [
        "PATH=/nowhere",
        "unset AIOS_ATTEMPT AIOS_SPOOL AIOS_HOOK",
        "set -u; set -- a b",
        "break; continue; true",
        "exec >/dev/null 2>&1 </dev/null",
        "trap 'true' EXIT; IFS=0; alias source=false",
        "cd /; umask 777",
    ],
)
def test_whatever_a_step_does_to_its_shell_the_next_one_is_told_of(
    tmp_path: Path, shell: str, step: str
) -> None:
    ran = run(tmp_path / "here", shell, step, "true")

    assert (ran.status, ran.began) == (0, ["1", "2"])


def test_the_text_of_a_step_reaches_the_shell_byte_for_byte(tmp_path: Path, shell: str) -> None:
    text = '日本 $(x) `y` "z" \\ | : ! {{v}} ' + "w" * 10_000

    ran = run(tmp_path / "here", shell, f"cat <<'END'\n{text}\nEND", "printf '%s' 'a\\nb' # | : \"")

    assert ran.status == 0
    assert ran.out == f"--- 1/2: S1\n{text}\n--- 2/2: S2\na\\nb"


@pytest.mark.parametrize(
    "template", ["{{x}}", '"{{x}}"', "'{{x}}'", "\"a\"{{ x }}'b'", 'a"$HOME {{x}}"', "\\'{{x}}"]
)
@pytest.mark.parametrize("value", _HOSTILE)
def test_a_value_is_data_bare_and_in_quotes(tmp_path: Path, template: str, value: str) -> None:
    plain = {"{{x}}": value, '"{{x}}"': value, "'{{x}}'": value, "\\'{{x}}": f"'{value}"}
    expected = plain.get(template) or (f"a{value}b" if "b" in template else f"a{tmp_path} {value}")

    said = _said(tmp_path, fill_command(f"printf '%s' {template}", {"x": value}))

    assert said == (expected if value or template not in plain else plain[template])
    assert not (tmp_path / "HACK").exists()


@pytest.mark.parametrize("command", _UNSURE)
def test_where_quoting_cannot_be_known_only_plain_values_are_taken(command: str) -> None:
    assert fill_command(command, {"x": "a/b-1.2"}) == command.replace("{{x}}", "a/b-1.2")
    with pytest.raises(BadValue, match="needs quoting"):
        fill_command(command, {"x": "a b"})


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pieces=st.lists(st.sampled_from(_PIECES), max_size=9), value=st.sampled_from(_ATTACKS))
def test_no_template_lets_a_value_be_run(tmp_path: Path, pieces: list[str], value: str) -> None:
    try:
        filled = fill_command("".join(["printf %s ", *pieces]), {"x": value})
    except BadValue:
        return
    subprocess.run(["bash", "-c", filled], cwd=tmp_path, capture_output=True, check=False, timeout=5)
    assert not (tmp_path / "HACK").exists(), filled


def _said(directory: Path, command: str) -> str:
    done = subprocess.run(
        ["bash", "-c", command], cwd=directory, env={"HOME": str(directory)}, capture_output=True, check=True
    )
    return done.stdout.decode()
