"""terminado as ``terminal.py`` measures it: ``terminado_server.py ARGV...`` attaches browsers to sessions."""

from __future__ import annotations

import asyncio
import sys

from terminado import TermSocket, UniqueTermManager
from terminado.management import PtyWithClients
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application


class Manager(UniqueTermManager):
    """A terminal of its own for each browser, as AIOS has it."""

    def get_terminal(self, url_component: str | None = None) -> PtyWithClients:
        terminal = self.new_terminal(shell_command=[*self.shell_command, f"={url_component}"])
        self.start_reading(terminal)
        return terminal


async def main() -> None:
    manager = Manager(shell_command=sys.argv[1:])
    app = Application([(r"/websocket/([A-Za-z0-9_-]+)", TermSocket, {"term_manager": manager})])
    sockets = bind_sockets(0, "127.0.0.1")
    HTTPServer(app).add_sockets(sockets)
    print(sockets[0].getsockname()[1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
