"""One GET over TLS through a proxy: fetch.py PROXY CA_FILE URL. Prints {"status", "contentType", "body"}; no redirect is followed.

Run by tests/src/issuer_server.rs. Where the proxy does not find the host, or the certificate is not trusted, it ends with 1 and
says so.
"""

import http.client
import json
import ssl
import sys
from urllib.parse import urlsplit

proxy, authority, url = sys.argv[1:]
proxy, url = urlsplit(proxy), urlsplit(url)
connection = http.client.HTTPSConnection(proxy.hostname, proxy.port, context=ssl.create_default_context(cafile=authority))
connection.set_tunnel(url.hostname, 443)
try:
    connection.request("GET", url.path)
except OSError as error:
    sys.exit(str(error))
answer = connection.getresponse()
print(json.dumps({
    "status": answer.status, "contentType": answer.getheader("Content-Type") or "", "body": answer.read().decode(),
}))
