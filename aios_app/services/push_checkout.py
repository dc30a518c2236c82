"""Commit all of a person's checkout and push it: ``aios push``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aios_app.domain.errors import ConflictError
from aios_app.git.checkout import Checkout, bounded, counted, file_lines, find_checkout, require_branch
from aios_app.git.checkout_push import (
    PushTarget,
    commit_everything,
    commit_line,
    head_of,
    push,
    push_target,
    unpushed,
)
from aios_app.services.context import Context
from aios_app.services.person_for import person_for, push_limit_s


def push_checkout(
    ctx: Context, *, cwd: str, message: str, is_confirmed: bool, environment: Mapping[str, str]
) -> dict[str, Any]:
    """Says what is new first. A commit that cannot be pushed stays; nothing is forced."""
    checkout = find_checkout(Path(cwd))
    require_branch(checkout)
    require_no_nested(checkout)
    target = push_target(checkout)
    waiting = unpushed(checkout, target)
    has_work = not checkout.is_clean or bool(
        checkout.head and target.remote and (waiting or not target.tracking)
    )
    if not has_work:
        return {"steps": [_nothing(checkout, target)], "sha": checkout.head}
    if not is_confirmed:
        names = [*file_lines(checkout), *submodule_lines(checkout)]
        names += bounded([f"commit {line}" for line in waiting] if target.remote else [])
        return {"question": _question(checkout, target, waiting), "names": names}
    return _push(ctx, checkout, target, message, environment)


def require_no_nested(checkout: Checkout) -> None:
    """Raises ``ConflictError`` for repositories inside: a commit would hold their names only."""
    if checkout.nested:
        names = ", ".join(checkout.nested[:5])
        raise ConflictError(
            f"{names} in {checkout.root} is a repository of its own:"
            " git submodule add it, or name it in .gitignore"
        )


def submodule_lines(checkout: Checkout) -> list[str]:
    """What a commit of the checkout leaves out."""
    return [f"left out: submodule {name} has changes of its own" for name in checkout.submodules]


def _push(
    ctx: Context, checkout: Checkout, target: PushTarget, message: str, environment: Mapping[str, str]
) -> dict[str, Any]:
    person = person_for(ctx, checkout.repo, environment)
    steps = []
    if not checkout.is_clean:
        text = message.strip() or f"Update {checkout.name}"
        sha = commit_everything(checkout, text, person)
        steps.append(f"ok {commit_line(checkout, sha)}" if sha else "nothing to commit")
    if target.remote:
        push(checkout, target, person, timeout_s=push_limit_s(ctx))
        steps.append(f"ok pushed to {target}")
    else:
        steps.append("no remote, so nothing was pushed: aios setup URL adds one")
    return {"steps": steps, "sha": head_of(checkout)}


def _nothing(checkout: Checkout, target: PushTarget) -> str:
    if not target.remote:
        return f"nothing to commit in {checkout.name}, and it has no remote: aios setup URL adds one"
    return (
        f"nothing to push: {checkout.name} is as {target}" if checkout.head else "nothing to commit or push"
    )


def _question(checkout: Checkout, target: PushTarget, waiting: list[str]) -> str:
    files = counted(len(checkout.new) + len(checkout.changed) + len(checkout.deleted), "file")
    if not target.remote:
        return f"Commit {files} in {checkout.name}? It has no remote to push to."
    if checkout.is_clean:
        return f"Push {counted(len(waiting), 'commit')} of {checkout.name} to {target}?"
    return f"Commit {files} in {checkout.name} and push {checkout.branch} to {target}?"
