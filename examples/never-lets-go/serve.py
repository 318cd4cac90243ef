"""Serves the shop on a free port of this machine and prints the port."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import catalogue
from app import create_app
from werkzeug.serving import WSGIRequestHandler, make_server


class QuietHandler(WSGIRequestHandler):
    """Answers without a line of log for each request."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Log nothing."""


with tempfile.TemporaryDirectory() as folder:
    database = Path(folder) / "catalogue.sqlite"
    catalogue.create(database)
    server = make_server("127.0.0.1", 0, create_app(database), threaded=True, request_handler=QuietHandler)
    print(server.server_port, flush=True)
    sys.stdin.close()
    server.serve_forever()
