"""From a directory to a repository on its remote: ``aios setup``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aios_app.git.checkout import Checkout, bounded, file_lines, find_checkout, require_branch
from aios_app.git.checkout_push import commit_line, head_of, push, push_target, unpushed
from aios_app.git.checkout_setup import FIRST_BRANCH, checkout_at, commit_first, remote_address, set_origin
from aios_app.git.repository import without_password
from aios_app.services.context import Context
from aios_app.services.person_for import person_for, push_limit_s
from aios_app.services.push_checkout import require_no_nested


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """What there is, and what is wanted of it."""

    checkout: Checkout
    address: str  #: that origin gets; empty: origin stays as it is
    is_pushed: bool  #: the branch is on its remote already

    @property
    def has_remote(self) -> bool:
        return bool(self.address) or _has_remote(self.checkout)

    @property
    def is_done(self) -> bool:
        return bool(self.checkout.head) and not self.address and (self.is_pushed or not self.has_remote)


def setup_checkout(
    ctx: Context, *, cwd: str, url: str, is_confirmed: bool, environment: Mapping[str, str]
) -> dict[str, Any]:
    """Makes what is missing of repository, first commit, origin and its branch; nothing is forced."""
    plan = _plan(Path(cwd), url)
    if plan.is_done:
        return {"steps": [_done(plan)], "sha": plan.checkout.head}
    if not is_confirmed:
        return {"question": _question(plan), "names": _names(plan)}
    return _carry_out(ctx, plan, environment)


def _plan(cwd: Path, url: str) -> _Plan:
    checkout = checkout_at(cwd)
    if checkout.head:
        require_branch(checkout)
    else:
        require_no_nested(checkout)
    address = remote_address(url, cwd) if url else ""
    if address and _exists(checkout) and address == checkout.repo.origin_url():
        address = ""
    return _Plan(checkout=checkout, address=address, is_pushed=not address and _is_pushed(checkout))


def _carry_out(ctx: Context, plan: _Plan, environment: Mapping[str, str]) -> dict[str, Any]:
    person = person_for(ctx, plan.checkout.repo, environment)
    steps = []
    if not plan.checkout.head:
        sha = commit_first(plan.checkout, person)
        steps.append(f"ok {commit_line(plan.checkout, sha)} on {FIRST_BRANCH}")
    checkout = find_checkout(plan.checkout.root)
    if plan.address:
        set_origin(checkout, plan.address)
        steps.append(f"ok origin is {without_password(plan.address)}")
    if plan.has_remote:
        target = push_target(checkout)
        push(checkout, target, person, timeout_s=push_limit_s(ctx))
        steps.append(f"ok pushed to {target}")
    else:
        steps.append(_no_remote())
    return {"steps": steps + _kept(checkout), "sha": head_of(checkout)}


def _names(plan: _Plan) -> list[str]:
    checkout = plan.checkout
    names = [] if _exists(checkout) else [f"git init in {checkout.root}"]
    if not checkout.head:
        names += file_lines(checkout) or ["an empty first commit: there is no file yet"]
    if plan.address:
        before = without_password(checkout.repo.origin_url()) if _exists(checkout) else None
        names.append(f"origin {without_password(plan.address)}" + (f" instead of {before}" if before else ""))
    if checkout.head and plan.has_remote and not plan.address:
        names += bounded([f"commit {line}" for line in unpushed(checkout, push_target(checkout))])
    return names


def _question(plan: _Plan) -> str:
    checkout = plan.checkout
    branch = checkout.branch if checkout.head else FIRST_BRANCH
    parts = [] if checkout.head else [f"make the first commit of {checkout.name} on {branch}"]
    parts += ["set origin"] if plan.address else []
    parts += [f"push {branch}"] if plan.has_remote else []
    text = ", ".join(parts)
    return f"{text[:1].upper()}{text[1:]}?"


def _done(plan: _Plan) -> str:
    checkout = plan.checkout
    if not plan.has_remote:
        return f"{checkout.name} has commits on {checkout.branch}; {_no_remote()}"
    return f"nothing to do: {checkout.name} is on {push_target(checkout)}"


def _no_remote() -> str:
    return "no remote: aios setup URL adds one and pushes"


def _kept(checkout: Checkout) -> list[str]:
    """What a person might have expected to be done as well."""
    lines = [] if checkout.is_clean else ["what was uncommitted still is: aios push"]
    if checkout.branch != FIRST_BRANCH:
        lines.append(f"the branch stays {checkout.branch}, as it had commits")
    return lines


def _exists(checkout: Checkout) -> bool:
    return checkout.repo.git_dir.exists()


def _has_remote(checkout: Checkout) -> bool:
    return _exists(checkout) and bool(push_target(checkout).remote)


def _is_pushed(checkout: Checkout) -> bool:
    if not checkout.head:
        return False
    target = push_target(checkout)
    return bool(target.tracking) and not target.becomes_upstream and not unpushed(checkout, target)
