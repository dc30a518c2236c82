"""Flower behind the login, to look at only."""

from __future__ import annotations

from http import HTTPStatus

from tornado.web import HTTPError

from web.guarded import HEADERS, Guarded

#: The one script that stands in a page of Flower's: it says that the table of workers is kept up to date.
_SCRIPT = "sha256-A0YIP5A+DKoseGAUTHRoMPDkKPK5cKzfYH3mjcCKtj8="
_POLICY = (
    HEADERS["Content-Security-Policy"]
    .replace("style-src 'self'", "style-src 'self' 'unsafe-inline'")
    .replace("script-src 'self'", f"script-src 'self' '{_SCRIPT}'")
    .replace("; require-trusted-types-for 'script'", "")
)


class FlowerHandler(Guarded):
    """``/flower/``: what Flower shows, and nothing that it could do to tasks and workers."""

    async def get(self, path: str) -> None:
        await self._pass_on(self.request.uri if path else "/flower/")

    async def post(self, path: str) -> None:
        """Its table of tasks asks in this way for what can be asked by GET too."""
        if path != "/tasks/datatable":
            raise HTTPError(HTTPStatus.METHOD_NOT_ALLOWED, "tasks and workers are only to be looked at here")
        await self._pass_on(f"/flower{path}?{self.request.body.decode('ascii', 'replace')}")

    def require_script(self) -> None:
        """Nothing is changed here."""

    async def _pass_on(self, target: str) -> None:
        self.require_owner()
        answer = await self.door.flower.ask(target)
        self.set_status(answer.code)
        for name in ("Content-Type", "Location"):
            if name in answer.headers:
                self.set_header(name, answer.headers[name])
        self.set_header("Content-Security-Policy", _POLICY)
        await self.finish(answer.body if answer.code != HTTPStatus.NOT_MODIFIED else b"")
