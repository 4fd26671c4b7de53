"""Where issuers' documents are served over TLS, and the only way there: a proxy that finds a host by its name.

Run by tests/src/issuer_server.rs: issuer.py CERTIFICATE KEY FOLDER [EMULATOR_PORT]. Prints the proxy's port on the first line,
serves 127.0.0.1 until its standard input is closed. There are two kinds of hosts:
  oidc.example.com       somebody else's. A file FOLDER/site/PATH is served at PATH; FOLDER/site/PATH.redirect holds where else
                         a request for PATH is sent.
  *.cloudfront.net       CloudFront's, where the emulated account has a distribution of this domain; and every host that has a
                         DNS record: a file FOLDER/dns/HOST that holds such a domain. The emulator says what is answered.
There is no other host. FOLDER/log has a line for each request: CONNECT with the host, GET with the path (of CloudFront: with
the host too), and whether it had credentials.
"""

import http.client
import json
import os
import re
import socket
import ssl
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlencode

HOST = "oidc.example.com"

certificate, key, folder, *emulator = sys.argv[1:]
lock = threading.Lock()


def note(line):
    with lock, open(os.path.join(folder, "log"), "a", encoding="utf-8") as log:
        log.write(line + "\n")


def content(*path):
    try:
        with open(os.path.join(folder, *path), "rb") as file:
            return file.read()
    except OSError:
        return None


def control(name, **query):
    """The emulator's answer to a control request."""
    connection = http.client.HTTPConnection("127.0.0.1", int(emulator[0]))
    connection.request("GET", f"/__airlock/{name}?{urlencode(query)}")
    answer = json.load(connection.getresponse())
    connection.close()
    return answer


def cloudfront_domain(host):
    """The domain of CloudFront that a host is, or that its DNS record names."""
    record = content("dns", host) if re.fullmatch(r"[a-z0-9.-]+", host) else None
    if record is not None:
        return record.decode().strip()
    return host if host.endswith(".cloudfront.net") else None


def is_there(host):
    domain = cloudfront_domain(host)
    if domain is None:
        return host == HOST
    # A star is a record that follows whatever distribution has the host as its alias.
    return bool(emulator) and (domain == "*" or control("distribution", domain=domain))


class Issuer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        host = self.headers.get("Host", "").partition(":")[0]
        credentials = " with credentials" if "Authorization" in self.headers else ""
        if cloudfront_domain(host) is None:
            note(f"GET {self.path}{credentials}")
            self.answer_from_site()
        else:
            note(f"GET {host}{self.path}{credentials}")
            served = control("edge", host=host, path=self.path)
            self.answer(served["status"], {"Content-Type": served["contentType"]}, served["body"].encode())

    def answer_from_site(self):
        file = self.path.lstrip("/")
        location, body = content("site", file + ".redirect"), content("site", file)
        headers = {"Location": location.decode()} if location else {}
        self.answer(302 if location else 404 if body is None else 200, headers, body or b"")

    def answer(self, status, headers, body):
        self.send_response(status)
        for name, text in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, text)
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
        host, _, port = self.path.rpartition(":")
        if port != "443" or not is_there(host):
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
