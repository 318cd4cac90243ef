"""Serves prices on a free port, with a limit on the memory of the process; prints the port.

python serve.py LIMIT_MIB       so much more than the process has when it starts to serve
"""

from __future__ import annotations

import resource
import shutil
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psutil
from prices import PriceLists, write

COUNTRIES = ("at", "be", "ch", "de", "dk", "es", "fi", "fr", "it", "nl", "pl", "se")
KEPT_SECONDS = 1.0
STACK_BYTES = 256 * 1024


class PriceHandler(BaseHTTPRequestHandler):
    """Answers `/COUNTRY/NUMBER` with a price."""

    lists: PriceLists

    def do_GET(self) -> None:
        """Look a price up."""
        _, country, number = self.path.split("/")
        at = 8 * int(number)
        price = int.from_bytes(self.lists.get(country)[at : at + 8], "little")
        answer = f"{price}\n".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of http.server
        """Log nothing."""


class PriceServer(ThreadingHTTPServer):
    """Takes many connections at once."""

    daemon_threads = True
    request_queue_size = 128


with tempfile.TemporaryDirectory() as name:
    write(Path(name), COUNTRIES[0])
    for country in COUNTRIES[1:]:
        shutil.copy(Path(name) / f"{COUNTRIES[0]}.z", Path(name) / f"{country}.z")
    PriceHandler.lists = PriceLists(Path(name), KEPT_SECONDS)
    server = PriceServer(("127.0.0.1", 0), PriceHandler)
    threading.stack_size(STACK_BYTES)
    limit = psutil.Process().memory_info().vms + int(sys.argv[1]) * 1024**2
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    print(server.server_port, flush=True)
    server.serve_forever()
