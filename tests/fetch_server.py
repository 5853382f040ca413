#!/usr/bin/env python3
"""A server of one file and of every way to get it wrong, for unit_fetch. Listens on 127.0.0.1 only.

Prints its port, serves until its standard input ends. The file is SIZE bytes, byte i is
(i * 7 + i // 1000) % 251; the path says how it is served.
"""
import http.server
import os
import sys
import threading
import time

SIZE = 3_000_017
BYTES = bytes((i * 7 + i // 1000) % 251 for i in range(SIZE))


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def head(self, code, length, **fields):
        self.send_response(code)
        if length is not None:
            self.send_header("Content-Length", str(length))
        for name, value in {"Content-Type": "application/octet-stream", **fields}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def begin(self):
        """First byte asked for; the head of the answer is sent."""
        asked = self.headers.get("Range")
        if asked is None:
            self.head(200, SIZE)
            return 0
        first = int(asked.removeprefix("bytes=").split("-")[0])
        self.head(206, SIZE - first, Content_Range=f"bytes {first}-{SIZE - 1}/{SIZE}")
        return first

    def do_GET(self):
        getattr(self, "serve_" + self.path[1:])()

    def serve_good(self):
        self.wfile.write(BYTES[self.begin():])

    def serve_plain(self):
        self.head(200, SIZE)
        self.wfile.write(BYTES)

    def serve_breaks(self):
        first = self.begin()
        self.wfile.write(BYTES[first:first + 1_000_000])

    def serve_wrong(self):
        self.begin()
        self.wfile.write(BYTES[::-1])

    def serve_short(self):
        self.head(200, 1000)
        self.wfile.write(BYTES[:1000])

    def serve_endless(self):
        self.head(200, None)
        self.wfile.write(BYTES + bytes(5000))

    def serve_early(self):
        self.head(200, None)
        self.wfile.write(BYTES[:SIZE // 2])

    def serve_html(self):
        self.head(200, SIZE, Content_Type="text/html; charset=utf-8")
        self.wfile.write(BYTES)

    def serve_missing(self):
        self.send_error(404)

    def serve_lies(self):
        self.head(206, SIZE - 5, Content_Range=f"bytes 5-{SIZE - 1}/{SIZE}")
        self.wfile.write(BYTES[5:])

    def serve_moved(self):
        self.head(302, 0, Location="/good")

    def serve_away(self):
        self.head(302, 0, Location="file:///etc/hostname")

    def serve_round(self):
        self.head(302, 0, Location="/round")

    def serve_stalls(self):
        first = self.begin()
        self.wfile.write(BYTES[first:first + 100_000])
        time.sleep(20)


def main():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    os.write(1, b"%d\n" % server.server_port)  # one piece, buffered or not
    sys.stdin.read()
    os._exit(0)


main()
