#!/usr/bin/env python3
"""A store that takes everything and keeps nothing:  dropping-store.py ADDRESS PORT

Writes are answered as VictoriaMetrics answers them, 204; whoever asks is told that there is nothing.
"""
import http.server
import json
import sys

NOTHING = json.dumps({"status": "success", "isPartial": False, "data": {"resultType": "vector", "result": []}}).encode()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, body=b""):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(status)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        if "/import" in self.path:
            self.answer(204)
        else:
            self.do_GET()

    def do_GET(self):
        self.answer(200, b"" if "/export" in self.path else NOTHING)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    http.server.ThreadingHTTPServer((sys.argv[1], int(sys.argv[2])), Handler).serve_forever()


main()
