"""What git needs of the person's terminal."""

from __future__ import annotations

import os

from aios_app.domain.landing import PERSON_VARIABLES


def environment() -> dict[str, str]:
    """The variables of this process that the API takes for git, and no others."""
    return {name: os.environ[name] for name in sorted(PERSON_VARIABLES & os.environ.keys())}
