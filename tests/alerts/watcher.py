"""A watcher on loopback that waits for pings, as healthchecks.io does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread


class Watcher:
    """What it was asked for, and what it answers."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.agents: set[str] = set()
        self.answer = 200
        self.silent = Event()  # set: it accepts the connection and says nothing, until the end
        self._over = Event()
        watcher = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                watcher.asked.append(self.path)
                watcher.agents.add(str(self.headers["User-Agent"]))
                if watcher.silent.is_set():
                    watcher._over.wait(30)
                    return
                self.send_response(watcher.answer)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/ping/canary"

    def serve(self) -> None:
        Thread(target=lambda: self._server.serve_forever(poll_interval=0.01), daemon=True).start()

    def close(self) -> None:
        self._over.set()
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def watching() -> Iterator[Watcher]:
    watcher = Watcher()
    watcher.serve()
    try:
        yield watcher
    finally:
        watcher.close()
