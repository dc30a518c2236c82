"""``python build.py [dev]``: makes ``web/static`` of the sources here, with node and npm from PATH.

Does nothing where it is up to date. ``dev`` keeps the packages here, with the checker and the linter.
``python build.py is-current`` only tells, by its status.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
_STATIC = HERE.parent / "static"
_PACKAGES = HERE / "node_modules"
_LOCK = HERE / "package-lock.json"
_STAMP = _PACKAGES / ".installed"
_SINGLE = ("build.mjs", "icon.svg", "package.json", "package-lock.json")


def sources_digest() -> str:
    """Of everything that the result depends on."""
    files = [HERE / name for name in _SINGLE]
    files += [path for folder in ("src", "pages") for path in (HERE / folder).rglob("*") if path.is_file()]
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(f"{path.relative_to(HERE)}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def is_current(digest: str) -> bool:
    """Whether ``web/static`` was made of these very sources."""
    try:
        made = json.loads((_STATIC / "manifest.json").read_text())
    except (OSError, ValueError):
        return False
    return bool(made.get("sources") == digest)


def install(kind: str) -> bool:
    """Fetches the locked packages where they are not there yet; whether that was so."""
    wanted = f"{hashlib.sha256(_LOCK.read_bytes()).hexdigest()} {kind}"
    if _STAMP.is_file() and _STAMP.read_text() in {wanted, wanted.replace("plain", "dev")}:
        return False
    omitted = [] if kind == "dev" else ["--omit=dev"]
    quiet = ["--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]
    _run("npm", "ci", *quiet, *omitted)
    _STAMP.write_text(wanted)
    return True


def build(kind: str) -> None:
    """Makes what is out of date; a plain build leaves no packages behind."""
    digest = sources_digest()
    if is_current(digest) and kind != "dev":
        return
    was_installed = install(kind)
    if not is_current(digest):
        _run("node", "build.mjs", digest)
    if was_installed and kind != "dev":
        shutil.rmtree(_PACKAGES)


def _run(program: str, *words: str) -> None:
    path = shutil.which(program)
    if path is None:
        sys.exit(f"{program} is not in PATH: the pages are built with Node.js 20 or newer")
    done = subprocess.run(
        [path, *words], cwd=HERE, check=False, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    )
    if done.returncode:
        sys.stderr.write(done.stdout)
        sys.exit(
            f"the pages could not be built: {program} {words[0]} ended with {done.returncode}, see above"
        )


if __name__ == "__main__":
    if sys.argv[1:] == ["is-current"]:
        sys.exit(not is_current(sources_digest()))
    build("dev" if sys.argv[1:] == ["dev"] else "plain")
