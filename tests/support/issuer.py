"""An issuer that somebody else hosts, and the only way to it: a server over TLS, and a proxy that finds it by its name.

Run by tests/tests/hosted_issuer: issuer.py CERTIFICATE KEY FOLDER. Prints the proxy's port on the first line, serves 127.0.0.1
until its standard input is closed. A file FOLDER/site/PATH is served at PATH; FOLDER/site/PATH.redirect holds where else a
request for PATH is sent. FOLDER/log has a line for each request: CONNECT with the host, GET with the path, and whether it had
credentials.
"""

import os
import socket
import ssl
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HOST = "oidc.example.com"

certificate, key, folder = sys.argv[1:]
lock = threading.Lock()


def note(line):
    with lock, open(os.path.join(folder, "log"), "a", encoding="utf-8") as log:
        log.write(line + "\n")


def content(path):
    try:
        with open(os.path.join(folder, "site", path.lstrip("/")), "rb") as file:
            return file.read()
    except OSError:
        return None


class Issuer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        note(f"GET {self.path}" + (" with credentials" if "Authorization" in self.headers else ""))
        location, body = content(self.path + ".redirect"), content(self.path)
        self.send_response(302 if location else 404 if body is None else 200)
        if location:
            self.send_header("Location", location.decode())
        body = body or b""
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def pump(source, target):
    try:
        while piece := source.recv(65536):
            target.sendall(piece)
    except OSError:
        pass
    try:
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass


class Proxy(BaseHTTPRequestHandler):
    def do_CONNECT(self):
        note(f"CONNECT {self.path}")
        if self.path != f"{HOST}:443":
            self.send_error(502)
            return
        with socket.create_connection(issuer.server_address) as upstream:
            self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=pump, args=(upstream, self.connection), daemon=True)
            back.start()
            pump(self.connection, upstream)
            back.join()

    def log_message(self, *_):
        pass


class Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        """A client that does not trust the certificate hangs up, as it should."""


context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate, key)
issuer = Quiet(("127.0.0.1", 0), Issuer)
# The handshake is each connection's own business: one that fails does not keep the server from the next.
issuer.socket = context.wrap_socket(issuer.socket, server_side=True, do_handshake_on_connect=False)
proxy = Quiet(("127.0.0.1", 0), Proxy)
for server in (issuer, proxy):
    threading.Thread(target=server.serve_forever, daemon=True).start()
print(proxy.server_address[1], flush=True)
sys.stdin.read()
