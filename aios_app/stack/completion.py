"""Completion of the command line: for each shell that is there a file, where that shell looks by itself."""

from __future__ import annotations

import os
import shlex
import shutil
from dataclasses import dataclass
from pathlib import Path

from aios_app.domain.errors import StackError
from aios_app.settings import Settings

_TEMPLATES = Path(__file__).parent / "completions"
#: In each of our files; one without it is the person's.
_MARK = "written by `aios install`"
_BASH_LIBRARY = Path("/usr/share/bash-completion/bash_completion")


@dataclass(frozen=True, slots=True)
class _Place:
    shell: str
    template: str
    files: tuple[Path, ...]  #: shells look for one of the command's own name


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletionReport:
    """The shells that complete ``aios`` now, and what the person's own still needs to; empty: nothing."""

    shells: tuple[str, ...]
    kept: tuple[Path, ...]  #: files that are not ours, left as they are
    advice: str


def install_completion(settings: Settings) -> CompletionReport:
    """Writes the files of each shell that is installed; again is no harm.

    No file of the person's is touched. Raises ``StackError`` where ours cannot be written.
    """
    shells, kept = [], []
    for place in _places(settings):
        if shutil.which(place.shell) is None:
            continue
        kept += [file for file in place.files if _is_foreign(file)]
        for file in place.files:
            if not _is_foreign(file):
                _write(file, _text(place, settings))
        shells.append(place.shell)
    return CompletionReport(shells=tuple(shells), kept=tuple(kept), advice=_advice(settings))


def uninstall_completion(settings: Settings) -> list[Path]:
    """Removes our files, and returns them."""
    files = [file for place in _places(settings) for file in place.files]
    own = [file for file in files if os.path.lexists(file) and not _is_foreign(file)]
    for file in own:
        file.unlink()
    return own


def _places(settings: Settings) -> tuple[_Place, ...]:
    bash, fish = _bash_folder(settings), settings.config_home / "fish/completions"
    return (
        _Place("bash", "aios.bash", (bash / "aios", bash / "aio")),
        _Place("zsh", "_aios", (_zsh_folder(settings) / "_aios",)),
        _Place("fish", "aios.fish", (fish / "aios.fish", fish / "aio.fish")),
    )


def _bash_folder(settings: Settings) -> Path:
    return settings.data_home / "bash-completion/completions"


def _zsh_folder(settings: Settings) -> Path:
    return settings.data_home / "zsh/site-functions"


def _text(place: _Place, settings: Settings) -> str:
    program = str(settings.home / ".local/bin/aios")
    quoted = _fish_quoted(program) if place.shell == "fish" else shlex.quote(program)
    return (_TEMPLATES / place.template).read_text().replace("@program@", quoted)


def _fish_quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _is_foreign(file: Path) -> bool:
    try:
        return _MARK not in file.read_text(errors="replace")
    except FileNotFoundError:
        return file.is_symlink()
    except OSError:
        return True


def _write(file: Path, text: str) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        fresh = file.with_name(f".{file.name}.{os.getpid()}")
        fresh.write_text(text)
        fresh.replace(file)
    except OSError as error:
        raise StackError(f"cannot write to {file.parent}: {error.strerror}") from error


def _advice(settings: Settings) -> str:
    shell = Path(settings.shell).name
    if shell == "zsh":
        return f"in ~/.zshrc, before compinit: fpath=({shlex.quote(str(_zsh_folder(settings)))} $fpath)"
    if shell == "bash" and not _BASH_LIBRARY.exists():
        return f"in ~/.bashrc: source {shlex.quote(str(_bash_folder(settings) / 'aios'))}"
    return ""
