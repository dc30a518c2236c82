"""Questions to the person at the terminal."""

from __future__ import annotations

from aios_app.cli import output, terminal
from aios_app.domain.errors import ConflictError, ExternalError


def confirm(question: str, *, is_sure: bool, suggests: bool = True) -> bool:
    """Whether to go on; an empty answer is what AIOS ``suggests``.

    Raises ``ConflictError`` where nobody can be asked and ``-y`` was not given.
    """
    if is_sure:
        return True
    if not terminal.is_interactive():
        raise ConflictError(f"{output.clean(question)} Nobody is there to answer: add -y")
    answer = output.ask(f"{output.clean(question)} {'[Y/n]' if suggests else '[y/N]'}")
    word = answer.strip().lower()
    is_wanted = word in {"y", "yes"} or (suggests and word == "" and bool(answer))
    if not is_wanted:
        output.note("nothing was done")
    return is_wanted


def edited(text: str = "") -> str:
    """What the person makes of the text in their editor, without newlines at its end."""
    import shlex
    import subprocess
    import tempfile
    from pathlib import Path

    if not terminal.is_interactive():
        raise ConflictError("-e needs a terminal: use --prompt-file F")
    with tempfile.TemporaryDirectory(prefix="aios-") as directory:
        path = Path(directory) / "prompt.md"
        path.write_bytes(text.encode("utf-8", "surrogateescape"))
        argv = [*shlex.split(terminal.editor()), str(path)]
        try:
            subprocess.run(argv, check=True)
        except (OSError, subprocess.CalledProcessError) as error:
            raise ExternalError(f"the editor failed, nothing was started: {error}") from error
        return path.read_bytes().decode("utf-8", "surrogateescape").rstrip("\n")
