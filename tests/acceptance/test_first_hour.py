"""The first hour of a newcomer: what they type, and every line that they read."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.stack import DEADLINE_S, Stack
from tests.conftest import CHECKOUT, new_project

pytestmark = pytest.mark.timeout(60)

#: What differs from one time to the next, and what stands for it here.
_VARIES = {
    r"\b[0-9a-f]{7}\b": "C0FFEE5",
    r"\b\d+(\.\d)? s\b": "0.3 s",
    r" [0-5]:[0-5]\d ": " 0:01 ",
    r" \d+s ": " 1s ",
    r"\b[A-Z][a-z]{2} \d\d \d\d:\d\d\b": "Nov 20 09:30",
}
_PROMPT = "fix the login redirect\ndemo: seconds 0.2"


class Newcomer:
    """A person with a project of their own, who has just got the checkout."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.home = stack.root / "home"
        stack.environment["PATH"] = f"{self.home}/.local/bin:{stack.environment['PATH']}"
        self.shop = new_project(stack.root, stack.environment, "shop")
        self.remote = stack.root / "remotes" / "shop.git"

    def types(self, *words: str, cwd: Path | None = None) -> list[str]:
        """The lines that they read in their terminal after a command, which does what it says."""
        done = subprocess.run(
            words,
            cwd=cwd or self.shop,
            env=self.stack.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=DEADLINE_S,
            check=False,
        )
        assert done.returncode == 0, f"$ {shlex.join(words)}\n{done.stdout}"
        return [self._plain(line) for line in done.stdout.splitlines()]

    def _plain(self, line: str) -> str:
        line = line.replace(str(self.stack.root), "/ada")
        for pattern, word in _VARIES.items():
            line = re.sub(pattern, word, line)
        return line

    def commits(self, name: str) -> None:
        """A commit of their own that is not pushed."""
        (self.shop / name).write_text("mine\n")
        self.stack.git(self.shop, "add", name)
        self.stack.git(self.shop, "commit", "-q", "-m", name)

    def signs(self) -> None:
        """From now on every commit in their project is signed, by a key without a passphrase."""
        key = self.home / "signing"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
        (self.home / "allowed").write_text(f"ada@example.com {key.with_suffix('.pub').read_text()}")
        for name, value in {
            "gpg.format": "ssh",
            "gpg.ssh.allowedSignersFile": str(self.home / "allowed"),
            "user.signingKey": str(key),
            "commit.gpgSign": "true",
        }.items():
            self.stack.git(self.shop, "config", name, value)

    def landed(self, form: str) -> str:
        """What git says of the newest commit of the remote's main."""
        return self.stack.git(self.shop, "log", "-1", f"--format={form}", self._fetched())

    def _fetched(self) -> str:
        self.stack.git(self.shop, "fetch", "-q")
        return "origin/main"


@pytest.fixture(scope="module")
def ada() -> Iterator[Newcomer]:
    """One person for all hours of this file, and nothing runs yet."""
    stack = Stack(Path(tempfile.mkdtemp(prefix="aios-a-", dir="/tmp")))
    try:
        yield Newcomer(stack)
    finally:
        stack.close()
        shutil.rmtree(stack.root, ignore_errors=True)


def test_the_first_hour_reads_as_it_should(ada: Newcomer) -> None:
    installed = ada.types(str(CHECKOUT / "aios"), "install", cwd=CHECKOUT)
    added = ada.types("aios", "add", str(ada.shop), cwd=ada.home)
    ada.types("aios", "config", "shop.check", "ls README.md")
    ada.commits("one")
    ada.commits("two")
    began = ada.types("aios", "d++", "-d", _PROMPT)
    waited = ada.types("aios", "wait", "1")
    diff = ada.types("aios", "diff", "1")
    ada.signs()
    Path(ada.stack.job(1).worktree, "tests.md").write_text("by hand\n")
    (ada.shop / "README.md").write_text("an edit of mine\n")
    landed = ada.types("aios", "land", "1")
    listed = ada.types("aios", "jobs")

    assert installed[:4] == [
        "ok  /ada/home/.local/bin/aios (in PATH)",
        "ok  /ada/home/.local/bin/aio (in PATH)",
        "ok  Tab completes, in new terminals of bash, zsh, fish",
        "note  agents run as you, without asking: SECURITY.md",
    ]
    agents = [line.split()[1] for line in installed[4:-1] if "mend it: " not in line]
    assert list(dict.fromkeys(agents)) == ["codex", "claude", "gemini"]
    assert installed[-1] == (
        "next: aios add PATH   (or aios scan DIRECTORY: the repositories there)   more: aios doctor"
    )
    assert added == ["stack up in 0.3 s", "0 shop  origin/main  push ok"]
    state = began[3].split()[1]
    assert state in {"queued", "preparing", "running"}
    assert began == [
        "'fix the login redirect' is the prompt",
        "base origin/main C0FFEE5; your main is 2 ahead: not included (--base HEAD)",
        "started #1 demo in a new worktree of shop",
        f'#1 {state:9}  shop  demo     "fix the login redirect"',
        "next: aios attach 1   aios wait 1",
    ]
    assert waited == [
        "#1 review after 0:01  1 file +1 -0  check ls README.md ok 0.3 s  "
        '"added greeting-1.md: fix the login redirect"   next: aios diff 1, aios land 1'
    ]
    assert diff == [
        "#1 shop demo review, against origin/main C0FFEE5",
        "diff --git a/greeting-1.md b/greeting-1.md",
        "new file mode 100644",
        "index C0FFEE5..C0FFEE5",
        "--- /dev/null",
        "+++ b/greeting-1.md",
        "@@ -0,0 +1 @@",
        "+Hello! You asked: fix the login redirect",
    ]
    assert landed == [
        'ok commit C0FFEE5 "fix the login redirect" (signed)',
        "ok merged into main C0FFEE5",
        "ok check 0.3 s",
        "ok on origin/main (verified)",
        "your main has commits of its own, so it was not moved: git pull when ready",
        "ok worktree removed (30 days: aios trash)",
    ]
    assert listed == [
        '#1 landed     shop  demo  1s +2 -0 ok "fix the login redirect"',
        "    landing: landed on origin/main C0FFEE5",
    ]
    assert ada.landed("%G?%an%n%B") == (
        "GAda\nfix the login redirect\n\nadded greeting-1.md: fix the login redirect\n\nAios-Job: 1 demo"
    )
    assert (ada.shop / "README.md").read_text() == "an edit of mine\n"


def test_edits_in_the_checkout_stay_and_the_pull_that_is_advised_brings_the_work(ada: Newcomer) -> None:
    ada.types("git", "checkout", "-q", "README.md")
    ada.types("git", "pull", "-q", "--no-rebase", "--no-edit")
    ada.types("git", "push", "-q")
    (ada.shop / "README.md").write_text("an edit of mine\n")

    began = ada.types("aios", "d++", "-d", _PROMPT)
    ada.types("aios", "wait", "2")
    landed = ada.types("aios", "land", "2", "say hello to the login")
    before = ada.types("git", "status", "--short")
    ada.types("git", "pull", "-q")

    assert began[1] == "base origin/main C0FFEE5; 1 file is uncommitted: not included"
    assert landed[-2:] == [
        "your checkout has edits, so main there was not moved: git pull when ready",
        "ok worktree removed (30 days: aios trash)",
    ]
    assert before == [" M README.md"]
    assert (ada.shop / "greeting-2.md").exists()
    assert (ada.shop / "README.md").read_text() == "an edit of mine\n"
    assert ada.landed("%s") == "say hello to the login"
    ada.types("git", "checkout", "-q", "README.md")


def test_the_candidates_of_a_run_lead_to_the_best_which_a_clean_checkout_has_at_once(ada: Newcomer) -> None:
    began = ada.types("aios", "multi", "d:2", _PROMPT)
    ada.types("aios", "wait", "r3")
    compared = ada.types("aios", "compare", "r3")
    best, other = (3, 4) if compared[-1].endswith("aios pick 3") else (4, 3)
    picked = ada.types("aios", "pick", str(best), "-y")
    left = ada.types("aios", "w")
    trash = ada.types("aios", "trash")

    assert began[-1] == "next: aios jobs r3   aios wait r3"
    assert compared[-1] == f"next: aios diff {best}   aios pick {best}"
    assert picked == [
        f' land #{best} review demo +1 -0 "fix the login redirect" on main of shop',
        f' drop #{other} review demo +1 -0 "fix the login redirect"',
        "ok merged into main C0FFEE5",
        "ok check 0.3 s",
        "ok on origin/main (verified)",
        "your main is at C0FFEE5 (/ada/code/shop)",
        "ok worktree removed (30 days: aios trash)",
        f"ok #{other} dropped",
    ]
    assert left == ["no worktrees"]
    assert trash[0].startswith(f"#{other}  shop  Nov 20 09:30  30 days left  1 commit ")
    assert (ada.shop / f"greeting-{best}.md").exists()
