"""The prompt arrives byte for byte, and nothing that a person or a project names is ever executed."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

import pytest

from aios_app.domain.models import JobState
from tests.acceptance.stack import Stack

pytestmark = pytest.mark.timeout(60)

PROBE = "import hashlib, os, sys; print(hashlib.sha256(os.fsencode(sys.argv[-1])).hexdigest(), len(sys.argv))"

HOSTILE = {
    "quotes": b"""it's "quoted" and \\"escaped\\" """,
    "lines": b"first\nsecond\n\n\tthird\r\n",
    "substitution": b"$(touch HACKED) `touch HACKED` ${HOME} $((1+1)) ; touch HACKED & | > HACKED",
    "leading dash": b"--help -rf -- x",
    "only a dash": b"-",
    "emoji": "caf\u00e9 \U0001f600 \u202e\u0000".replace("\0", "").encode(),
    "trailing newlines": b"the end\n\n\n",
    "tmux formats": b"#{pane_pid} #(touch HACKED) %1 ;",
    "control characters": b"\x01\x1b[31m\x07\x7f",
    "no text": b"caf\xe9 \xff\xfe \x80",
    "100 KB": b"0123456789abcde\n" * 6400,
}


@pytest.fixture(scope="module")
def shop(stack: Stack) -> Path:
    """A saved project, and the agent ``z`` that prints the checksum of its argument."""
    probe = stack.script("probe.py", PROBE)
    stack.ok("agents", "add", "z", "probe", "--", "python3", str(probe))
    return stack.project("shop")


def test_hostile_prompts_arrive_byte_for_byte_and_run_nothing(stack: Stack, shop: Path) -> None:
    runs = {}
    for name, data in HOSTILE.items():
        (stack.root / "prompt").write_bytes(data)
        runs[name] = stack.start("multi", "shop", "z:1", "--prompt-file", str(stack.root / "prompt"))

    for name, run in runs.items():
        [job] = stack.until_over(run)
        assert (job.state, job.cause) == (JobState.REVIEW, ""), name
        assert stack.ok("logs", str(job.number)).split()[:2] == [
            hashlib.sha256(HOSTILE[name]).hexdigest(),
            "2",
        ], name
    assert not list(stack.root.rglob("HACKED"))


@pytest.mark.parametrize("prompt", ["-v $(touch HACKED) 'x'", "first\nsecond\n", "caf\u00e9 \U0001f600"])
def test_a_prompt_in_the_words_arrives_as_typed(stack: Stack, shop: Path, prompt: str) -> None:
    [job] = stack.until_over(stack.start("multi", "z:1", prompt, cwd=shop))

    assert hashlib.sha256(prompt.encode()).hexdigest() in stack.ok("logs", str(job.number))


def test_a_prompt_comes_from_standard_input(stack: Stack, shop: Path) -> None:
    run = stack.start("multi", "shop", "z:1", "--prompt-file", "-", stdin=b"from a pipe\n")

    [job] = stack.until_over(run)

    assert hashlib.sha256(b"from a pipe\n").hexdigest() in stack.ok("logs", str(job.number))


@pytest.mark.parametrize(
    ("data", "words"),
    [(b"", "empty"), (b" \n\t", "empty"), (b"a\0b", "NUL"), (b"x" * 128 * 1024, "at most")],
)
def test_a_prompt_that_no_agent_could_get_is_refused_and_nothing_starts(
    stack: Stack, shop: Path, data: bytes, words: str
) -> None:
    before = stack.ledger.run_numbers()

    refused = stack.run("multi", "shop", "z:1", "--prompt-file", "-", stdin=data)

    assert refused.returncode == 2
    assert words in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
    assert stack.ledger.run_numbers() == before


def test_nothing_in_the_names_of_projects_paths_and_branches_is_executed(stack: Stack) -> None:
    names = ["$(touch HACKED)", "`touch HACKED`;x", "#(touch HACKED)", 'it\'s "b" & c|d', "#{pane_pid}"]
    paths = [stack.project(name) for name in names]
    for path in paths:
        stack.git(path, "branch", "x;touch${IFS}HACKED")

    runs = [
        stack.start("multi", "z:1", "x", "--base", base, "--name", "$(touch HACKED)", cwd=path)
        for path in paths
        for base in ("x;touch${IFS}HACKED", "HEAD")
    ]

    for run in runs:
        [job] = stack.until_over(run)
        assert (job.state, job.cause) == (JobState.REVIEW, "")
        assert set(job.name) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")
    assert not list(stack.root.rglob("HACKED"))


@pytest.mark.parametrize("base", ["--upload-pack=touch HACKED", "nowhere", "a..b", "$(touch HACKED)"])
def test_a_base_that_is_none_is_one_clear_line(stack: Stack, shop: Path, base: str) -> None:
    done = stack.run("multi", "z:1", "x", f"--base={base}", "--wait", cwd=shop)

    assert done.returncode in {1, 2}
    assert base in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert not list(stack.root.rglob("HACKED"))
    worktrees = subprocess.run(["git", "worktree", "list"], cwd=shop, capture_output=True, text=True)
    assert base not in worktrees.stdout
