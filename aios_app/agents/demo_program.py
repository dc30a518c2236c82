"""A small agent for a terminal: works a few seconds, commits a greeting, and stays at its prompt.

It uses the standard library alone. Lines of the prompt that begin with ``demo:`` steer it: ``exit 7``,
``ask Proceed? [y/N]``, ``seconds 0.1``, ``no change``.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence

_STEPS = ("reading the project", "thinking", "writing", "checking")
_PASTE_BEGIN, _PASTE_END = "\x1b[200~", "\x1b[201~"
_IDENTITY = ("-c", "user.name=Demo Agent", "-c", "user.email=demo@localhost")
_PASTE_ON, _PASTE_OFF = "\x1b[?2004h", "\x1b[?2004l"


def main(words: Sequence[str]) -> int:
    """Work on the prompt, if there is one, then on each line that is typed; the exit status."""
    conversation, prompt = _parse(words)
    say(f"{_PASTE_ON}demo agent, conversation {conversation or 'new'}")
    if conversation:
        say("going on where we stopped")
    try:
        signal("conversation", conversation or os.urandom(16).hex())
        if prompt:
            work(prompt)
        return _converse()
    except KeyboardInterrupt:
        return 130


def work(prompt: str) -> None:
    """One turn. Ctrl-C ends it without the signal that it is over, as real agents do."""
    orders = [line.strip()[5:].strip() for line in prompt.splitlines() if line.strip().startswith("demo:")]
    title = next((s for line in prompt.splitlines() if (s := line.strip()) and not s.startswith("demo:")), "")
    try:
        _show_steps(_seconds(orders))
        _obey(orders)
        message = "nothing to change" if "no change" in orders else _greet(title or "a greeting")
    except KeyboardInterrupt:
        say("\ninterrupted")
        return
    say(f"done: {message}")
    signal_json("turn", message=message)


def say(text: str) -> None:
    """Show a line at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def signal(kind: str, payload: str) -> None:
    """Leave a signal in the spool, if this runs under AIOS."""
    import subprocess  # noqa: PLC0415 - the first output must come fast

    hook = os.environ.get("AIOS_HOOK")
    if hook:
        subprocess.run(["/bin/sh", hook, kind], input=payload.encode(), check=False)


def signal_json(kind: str, **fields: str) -> None:
    """Leave a signal whose payload is a JSON object."""
    import json  # noqa: PLC0415 - the first output must come fast

    signal(kind, json.dumps(fields))


def _parse(words: Sequence[str]) -> tuple[str, str]:
    rest = list(words)
    conversation = ""
    if rest[:1] == ["--resume"]:
        conversation, rest = rest[1], rest[2:]
    if rest[:1] == ["--"]:
        rest = rest[1:]
    return conversation, " ".join(rest)


def _converse() -> int:
    while True:
        line = _ask("demo> ")
        if line is None or line == "exit":
            say(_PASTE_OFF)
            return 0
        if line:
            signal_json("prompt", prompt=line)
            work(line)


def _ask(question: str) -> str | None:
    """What is typed, or pasted with all its lines; None at the end of input."""
    sys.stdout.write(question)
    sys.stdout.flush()
    text = line = sys.stdin.readline()
    while line and _PASTE_BEGIN in text and _PASTE_END not in text:
        line = sys.stdin.readline()
        text += line
    return text.replace(_PASTE_BEGIN, "").replace(_PASTE_END, "").strip() if text else None


def _seconds(orders: Sequence[str]) -> float:
    said = [order.removeprefix("seconds ") for order in orders if order.startswith("seconds ")]
    return float(said[-1] if said else os.environ.get("AIOS_DEMO_SECONDS", "3"))


def _show_steps(seconds: float) -> None:
    for number, step in enumerate(_STEPS, start=1):
        say(f"  [{number}/{len(_STEPS)}] {step}")
        time.sleep(seconds / len(_STEPS))  # the work that a model would do


def _obey(orders: Sequence[str]) -> None:
    for order in orders:
        word, _, rest = order.partition(" ")
        if word == "exit":
            sys.exit(int(rest or 0))
        if word == "ask":
            signal_json("waiting", question=rest)
            answer = _ask(f"{rest} ")
            signal_json("prompt", prompt=answer or "")


def _greet(title: str) -> str:
    job = "".join(char for char in os.environ.get("AIOS_JOB", "") if char.isalnum())
    name = f"greeting-{job or 'demo'}.md"
    with open(name, "a", encoding="utf-8", errors="surrogateescape") as file:  # noqa: PTH123 - see above
        file.write(f"Hello! You asked: {title}\n")
    if _git("rev-parse", "--git-dir", is_quiet=True):
        return f"wrote {name}; this is no git repository, so it is not committed"
    identity = [] if not _git("config", "user.email", is_quiet=True) else _IDENTITY
    failed = _git("add", "--", name) or _git(*identity, "commit", "-q", "-m", f"Add {name}", "--", name)
    return f"wrote {name}, but git commit failed" if failed else f"added {name}: {title}"


def _git(*words: str, is_quiet: bool = False) -> int:
    import subprocess  # noqa: PLC0415 - the first output must come fast

    output = subprocess.DEVNULL if is_quiet else None
    done = subprocess.run(
        ["git", *words], check=False, stdin=subprocess.DEVNULL, stdout=output, stderr=output
    )
    return done.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
