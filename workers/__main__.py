"""``python -m workers``: the worker of this machine, in the foreground."""

import sys

from aios_app import settings
from aios_app.logs import configure
from workers.app import run_worker

if __name__ == "__main__":
    loaded = settings.load()
    configure(loaded, "worker")
    sys.exit(run_worker(loaded))
