"""A shop of two versions side by side with /metrics as Prometheus reads it.

Counters grow with the clock: 200 requests a second of the old version and 50 of the
new one. BAD is the share of the new version's requests that fail, SLOW how long most
of them take, in milliseconds. Prints the port that it listens on.
"""

import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

BAD, SLOW = float(sys.argv[1]), float(sys.argv[2])
START = time.time() - 3600
BUCKETS = [25, 50, 100, 250, 500, 1000, 2500]


def lines():
    seconds = time.time() - START
    for version, rate, bad, slow in (("1.7.3", 200, 0.001, 40), ("1.8.0", 50, BAD, SLOW)):
        for pod in ("a", "b"):
            labels = 'service="checkout",version="%s",pod="%s-%s"' % (version, version, pod)
            n = int(seconds * rate / 2)
            failed = int(n * bad)
            yield 'http_requests_total{%s,code="200"} %d' % (labels, n - failed)
            if failed:
                yield 'http_requests_total{%s,code="503"} %d' % (labels, failed)
            for bucket in BUCKETS + [float("inf")]:
                # Half of the requests take the usual time, nearly all at most twice that.
                share = 0.0 if bucket < slow / 2 else 0.5 if bucket < slow else 0.97 if bucket < 2 * slow else 1.0
                le = "+Inf" if bucket == float("inf") else "%g" % (bucket / 1000)
                yield 'latency_seconds_bucket{%s,le="%s"} %d' % (labels, le, int(n * share))


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        body = ("# TYPE http_requests_total counter\n" + "\n".join(lines()) + "\n").encode()
        self.send_response(200)
        self.send_header("content-type", "text/plain; version=0.0.4")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = HTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
