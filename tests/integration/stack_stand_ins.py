"""Small programs in the place of worker and web, and settings that touch nothing of the person's."""

from __future__ import annotations

import sys
from pathlib import Path

from aios_app import settings as settings_module
from aios_app.settings import Settings
from aios_app.stack import redis_server, supervisor
from aios_app.stack.supervisor import Program

WEB = """
import http.server, json, socketserver
from aios_app import settings
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps({"v": 1, "worker": {"is_alive": True}}).encode()
        self.send_response(200); self.send_header("Content-Length", str(len(body))); self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_): pass
    def address_string(self): return "unix"
path = settings.load().api_socket
path.unlink(missing_ok=True)
socketserver.UnixStreamServer(str(path), Handler).serve_forever()
"""
#: Goes on to answer for two seconds after it was asked to end.
LINGERING_WEB = f"""
import os, signal, threading
signal.signal(signal.SIGTERM, lambda *_: threading.Timer(2, os._exit, [0]).start())
{WEB}"""
LONELY_WEB = WEB.replace('"is_alive": True', '"is_alive": False')
WORKER = "import signal; print('worker begins', flush=True); signal.pause()"
DEAF_WORKER = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); signal.sigwait([signal.SIGUSR1])"


def settings_for(data_dir: Path, **environment: str) -> Settings:
    home = data_dir.parent / "home"
    return settings_module.load({"HOME": str(home), "AIOS_DATA_DIR": str(data_dir), **environment})


def table(settings: Settings, *, worker: str = WORKER, web: str = WEB) -> list[Program]:
    redis = supervisor.redis_program(settings, redis_server.find_engine())
    return [redis, _python(settings, "worker", worker, 20), _python(settings, "web", web, 30)]


def _python(settings: Settings, name: str, code: str, priority: int) -> Program:
    argv = (sys.executable, "-c", code)
    return Program(name=name, argv=argv, priority=priority, stop_wait_s=3, after=settings.redis_socket)
