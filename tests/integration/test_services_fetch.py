"""Which projects are fetched by HTTPS where SSH fails: those whose settings, or everyone's, say so."""

from __future__ import annotations

import pytest

from aios_app.services.context import Context
from aios_app.services.fetch_origin import fetch_origin
from tests.integration.git_fixtures import quiet_git
from tests.integration.git_remotes import Away, HttpsRemote, away, https_remote, refusing_ssh

__all__ = ["away", "https_remote", "quiet_git", "refusing_ssh"]


@pytest.mark.parametrize(
    ("of_all", "own", "falls_back"),
    [("off", "", False), ("on", "", True), ("off", "on", True), ("on", "off", False)],
)
def test_a_project_falls_back_to_https_as_its_settings_say(
    context: Context,
    away: Away,
    refusing_ssh: int,
    https_remote: HttpsRemote,
    of_all: str,
    own: str,
    *,
    falls_back: bool,
) -> None:
    away.lead_ssh_to(refusing_ssh)
    away.lead_https_to(https_remote.url)
    away.trust(https_remote)
    context.catalog.add_project(away.repo.root, name="shop")
    context.catalog.set("https_fallback", of_all)
    context.catalog.set("shop.https_fallback", own)

    said = fetch_origin(context, away.repo)

    assert said.startswith("origin is https://") is falls_back
    assert ("base is the last fetched state" in said) is not falls_back
