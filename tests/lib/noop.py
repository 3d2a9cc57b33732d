#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""noop.py ADDRESS PORT: a mail server as far as NOOP: greets, and says 250 to each line."""
import socketserver
import sys


class Session(socketserver.StreamRequestHandler):
    def handle(self):
        try:
            self.wfile.write(b"220 here\r\n")
            for _ in self.rfile:
                self.wfile.write(b"250 well\r\n")
        except OSError:
            pass


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 100


Server((sys.argv[1], int(sys.argv[2])), Session).serve_forever()
