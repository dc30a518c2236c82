"""Undo the last commits of a person's branch: ``aios revert 3``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aios_app.git.checkout import commits, counted, find_checkout
from aios_app.git.checkout_push import commit_line
from aios_app.git.checkout_revert import last_commits, revert
from aios_app.services.context import Context
from aios_app.services.person_for import person_for


def revert_checkout(
    ctx: Context, *, cwd: str, count: int, is_confirmed: bool, environment: Mapping[str, str]
) -> dict[str, Any]:
    """Makes a new commit for each of the last ``count``, or none at all; pushes nothing."""
    checkout = find_checkout(Path(cwd))
    shas = last_commits(checkout, count)
    if not is_confirmed:
        what = "the last commit" if count == 1 else f"the last {count} commits"
        by = counted(count, "new commit")
        return {
            "question": f"Undo {what} of {checkout.branch} in {checkout.name} by {by}?",
            "names": commits(checkout, "--no-walk=unsorted", *shas),
        }
    sha = revert(checkout, shas, person_for(ctx, checkout.repo, environment))
    steps = [f"ok undid {commit_line(checkout, one)}" for one in shas]
    return {"steps": [*steps, f"ok {checkout.branch} is at {sha[:7]}   next: aios push"], "sha": sha}
