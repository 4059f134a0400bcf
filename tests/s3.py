"""An S3 server on this machine that answers listings and downloads, and can be made to fail."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlparse
from xml.sax.saxutils import escape


class Server(ThreadingHTTPServer):
    """Objects {key: bytes} of one bucket. `dropped`: connections that still break in the middle of an object;
    `short`: {key: bytes} that come instead of an object; `asked`: the keys that were downloaded; `page`: keys of a
    listing."""

    daemon_threads = True

    def __init__(self, objects, bucket="cellpainting-gallery", port=0, page=1000):
        self.objects, self.bucket, self.page = objects, bucket, page
        self.dropped, self.short, self.asked, self.lock = 0, {}, [], threading.Lock()
        super().__init__(("127.0.0.1", port), Handler)
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def endpoint(self):
        return f"http://127.0.0.1:{self.server_port}"

    def stop(self):
        """No longer there: connections are refused."""
        self.shutdown()
        self.server_close()

    def handle_error(self, request, address):
        """Broken connections are what is tested."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        url = urlparse(self.path)
        bucket, _, key = unquote(url.path).lstrip("/").partition("/")
        assert bucket == self.server.bucket
        self.send_object(key) if key else self.send_listing(parse_qs(url.query))

    def send_listing(self, query):
        prefix, after = query.get("prefix", [""])[0], query.get("continuation-token", [""])[0]
        keys = sorted(key for key in self.server.objects if key.startswith(prefix) and key > after)
        page = keys[: self.server.page]
        more = f"<NextContinuationToken>{page[-1]}</NextContinuationToken>" if len(keys) > len(page) else ""
        self.send(200, f"<ListBucketResult><IsTruncated>{str(bool(more)).lower()}</IsTruncated>{more}"
                  f"{''.join(map(self.entry, page))}</ListBucketResult>".encode())  # fmt: skip

    def entry(self, key):
        size, when = len(self.server.objects[key]), "2024-01-01T00:00:00.000Z"
        return f"<Contents><Key>{escape(key)}</Key><LastModified>{when}</LastModified><Size>{size}</Size></Contents>"

    def send_object(self, key):
        if key not in self.server.objects:
            self.send(404, b"<Error><Code>NoSuchKey</Code></Error>")
            return
        with self.server.lock:
            self.server.asked.append(key)
            drop, self.server.dropped = self.server.dropped > 0, max(self.server.dropped - 1, 0)
        self.send(200, self.server.short.get(key, self.server.objects[key]), drop)

    def send(self, status, body, drop=False):
        start = int((self.headers.get("Range") or "bytes=0-").removeprefix("bytes=").split("-")[0])
        self.send_response(206 if start else status)
        self.send_header("Content-Length", str(len(body) - start))
        self.send_header("Last-Modified", "Mon, 01 Jan 2024 00:00:00 GMT")
        self.send_header("ETag", f'"{len(body)}"')
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        self.end_headers()
        self.wfile.write(body[start : (start + len(body)) // 2 if drop else None])
        self.close_connection = self.close_connection or drop
