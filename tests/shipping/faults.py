# SPDX-License-Identifier: BSD-3-Clause
"""A proxy in front of a real server that spoils answers to bulks while `mode` says so."""

import http.client
import http.server
import json
import threading


class Proxy:
    """mode: ok, 429, 503 (whole answers), item429 (a good answer, each item 429), hang (no answer
    until the mode changes) or down (the connection ends). `spoiled` counts per mode."""

    def __init__(self, backend):
        self.backend, self.mode, self.spoiled = backend, "ok", {}
        self.changed = threading.Condition()
        proxy = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def handle_any(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                proxy.answer(self, body)

            do_GET = do_POST = do_PUT = do_HEAD = handle_any

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def set(self, mode):
        with self.changed:
            self.mode = mode
            self.changed.notify_all()

    def close(self):
        self.set("down")
        self.server.shutdown()
        self.server.server_close()

    def answer(self, handler, body):
        mode = self.mode
        is_bulk = handler.path.split("?")[0].endswith("_bulk")
        if mode != "ok" and (is_bulk or mode == "down"):
            with self.changed:
                self.spoiled[mode] = self.spoiled.get(mode, 0) + 1
                if mode == "hang":
                    self.changed.wait_for(lambda: self.mode != "hang", 60)
            if mode in ("down", "hang"):
                handler.close_connection = True
                return
            error = {"type": "rejected_execution_exception", "reason": "injected"}
            if mode == "item429":
                actions = [json.loads(line)["create"] for line in body.split(b"\n")[0:-1:2]]
                items = [{"create": {**action, "status": 429, "error": error}} for action in actions]
                self.reply(handler, 200, json.dumps({"took": 1, "errors": True, "items": items}).encode())
            else:
                self.reply(handler, int(mode), json.dumps({"error": error, "status": int(mode)}).encode())
            return
        dropped = ("host", "connection", "content-length", "accept-encoding")
        headers = {name: value for name, value in handler.headers.items() if name.lower() not in dropped}
        connection = http.client.HTTPConnection("127.0.0.1", self.backend, timeout=60)
        try:
            connection.request(handler.command, handler.path, body or None, headers)
            answer = connection.getresponse()
            self.reply(handler, answer.status, answer.read(), answer.getheader("Content-Type"))
        except OSError:
            handler.close_connection = True
        finally:
            connection.close()

    @staticmethod
    def reply(handler, status, body, content_type="application/json"):
        handler.send_response(status)
        handler.send_header("Content-Type", content_type or "application/json")
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        if handler.command != "HEAD":
            handler.wfile.write(body)
