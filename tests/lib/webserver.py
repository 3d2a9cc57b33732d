#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""A server for checks, good at some ports and at others nasty.

    webserver.py ADDRESS CERTIFICATE KEY PORT=MOOD...

Moods: web (answers /STATUS with that status, /stop with half an answer), imap, pop3; each also as
MOOD+tls, and with TLS 1.0 alone as MOOD+tls1.  mute: reads nothing, says nothing.  mute+tls: the same
after the handshake.  dribble: a byte of garbage each 10 ms.  flood: garbage as fast as it goes.
endless: headers of an answer that never end.  trickle: a good answer, a byte a second.  reset: ends
each connection so.  Writes a byte when all listen.
"""
import socket
import ssl
import struct
import sys
import threading
import time

GARBAGE = bytes(range(256)) * 64


def web(conn):
    request = conn.recv(4096).split()
    path = request[1].decode().strip("/") if len(request) > 1 else ""
    if path == "stop":
        conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
        mute(conn)
    conn.sendall(f"HTTP/1.1 {path or 200} Hi\r\nContent-Length: 2\r\n\r\nhi".encode())


def say(text):
    def greet(conn):
        conn.sendall(text)
        conn.recv(100)
    return greet


def mute(conn):
    time.sleep(30)


def dribble(conn):
    for byte in GARBAGE:
        conn.sendall(bytes([byte]))
        time.sleep(0.01)


def flood(conn):
    while True:
        conn.sendall(GARBAGE)


def endless(conn):
    conn.sendall(b"HTTP/1.1 200 OK\r\n")
    while True:
        conn.sendall(b"X-More: of the same\r\n" * 64)


def trickle(conn):
    for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi":
        conn.sendall(bytes([byte]))
        time.sleep(1)


def reset(conn):
    conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


MOODS = {
    "web": web, "mute": mute, "dribble": dribble, "flood": flood, "reset": reset,
    "endless": endless, "trickle": trickle,
    "imap": say(b"* OK ready\r\n"), "pop3": say(b"+OK ready\r\n"), "busy": say(b"* BYE busy\r\n"),
}


def context(certificate, key, old):
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(certificate, key)
    if old:
        made.set_ciphers("ALL:@SECLEVEL=0")
        made.minimum_version = made.maximum_version = ssl.TLSVersion.TLSv1
    return made


def serve(conn, mood, tls):
    try:
        with conn:
            if tls:
                conn = tls.wrap_socket(conn, server_side=True)
            with conn:
                MOODS[mood](conn)
    except OSError:
        pass


def listen(sock, mood, tls):
    while True:
        conn, _ = sock.accept()
        threading.Thread(target=serve, args=(conn, mood, tls), daemon=True).start()


def main():
    address, certificate, key, *places = sys.argv[1:]
    for place in places:
        port, mood = place.split("=")
        mood, _, version = mood.partition("+")
        tls = context(certificate, key, version == "tls1") if version else None
        sock = socket.create_server((address, int(port)), backlog=64)
        threading.Thread(target=listen, args=(sock, mood, tls), daemon=True).start()
    print("r", end="", flush=True)
    threading.Event().wait()


main()
