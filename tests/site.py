"""A social site is a real HTTP server on loopback, and its videos are made of the portrait."""

import re
import ssl
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import av
import numpy as np
from skimage import data


class Site(ThreadingHTTPServer):
    """Pages by path: bytes with a content type, or a function that answers by hand. Counts what reaches it."""

    daemon_threads = True

    def __init__(self, address: str = "127.0.0.1", tls: ssl.SSLContext | None = None):
        super().__init__((address, 0), Handler)
        self.scheme = "https" if tls else "http"
        if tls:  # a handshake at once would hold up the one thread that accepts
            self.socket = tls.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        self.pages: dict[str, tuple[str, bytes] | Callable] = {}
        self.hits: list[str] = []
        self.host = f"{address}:{self.server_port}"
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def __exit__(self, *exc):
        self.shutdown()
        super().__exit__(*exc)

    def url(self, path: str) -> str:
        return f"{self.scheme}://{self.host}{path}"

    def handle_error(self, request, client_address):
        pass  # clients that hang up are part of the tests


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.hits.append(self.path)
        page = self.server.pages.get(self.path.partition("?")[0])
        if callable(page):
            page(self)
        elif page is None:
            self.send_error(404)
        else:
            kind, body = page
            self.begin(200, {"Content-Type": kind, "Content-Length": str(len(body))})
            if self.command != "HEAD":
                self.wfile.write(body)

    do_HEAD = do_POST = do_GET

    def begin(self, status: int, headers: dict[str, str]):
        """The answer's head."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def redirect(self, where: str):
        self.begin(302, {"Location": where, "Content-Length": "0"})

    def log_message(self, *args):
        pass


class Ranges:
    """A page that gives a file whole or by ranges, and remembers which: (first byte, bytes) of each answer.

    lie: gets the answer's parts by name, changes them as it likes, and may answer by hand and return True.
    """

    def __init__(
        self, body: bytes, kind: str = "video/mp4", lie: Callable[["Handler", dict], bool | None] | None = None
    ):
        self.body, self.kind, self.lie = body, kind, lie
        self.given: list[tuple[int, int]] = []
        self.sent = 0  # bytes of the file
        self.whole = 0  # answers that gave all of it

    def __call__(self, handler: Handler) -> None:
        asked = re.fullmatch(r"bytes=(\d+)-(\d+)", handler.headers.get("Range", ""))
        first, last = map(int, asked.groups()) if asked else (0, len(self.body) - 1)
        part = self.body[first : last + 1]
        headers = {"Content-Type": self.kind, "Content-Length": str(len(part)), "ETag": '"one"'}
        if asked:
            headers["Content-Range"] = f"bytes {first}-{first + len(part) - 1}/{len(self.body)}"
        answer = {"status": 206 if asked else 200, "headers": headers, "part": part}
        if asked and self.lie and self.lie(handler, answer):
            return
        if asked and handler.command != "HEAD":
            self.given.append((first, len(part)))  # before the client has a byte of it, so that no test is too early
        handler.begin(answer["status"], answer["headers"])
        if handler.command == "HEAD":
            return
        for at in range(0, len(answer["part"]), 65536):  # as a client may hang up
            handler.wfile.write(answer["part"][at : at + 65536])
            self.sent += len(answer["part"][at : at + 65536])
        self.whole += not asked


def trickle(handler: Handler, answer: dict, stop: threading.Event) -> bool:
    """A lie of `Ranges`: the head as it should be, and of the part a few bytes at a time until `stop` is set."""
    handler.begin(answer["status"], answer["headers"])
    while not stop.wait(0.05):
        handler.wfile.write(b"x" * 100)
    return True


def make_clip(folder: Path) -> dict[str, bytes]:
    """One second of the portrait as an MP4 file, as an HLS and as a DASH stream: names and contents."""
    encode(folder / "clip.mp4", "mp4", {})
    encode(folder / "hls.m3u8", "hls", {"hls_time": "1"})
    encode(folder / "dash.mpd", "dash", {})
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def encode(path, container: str, options: dict[str, str]) -> None:
    picture = data.astronaut()
    with av.open(str(path), "w", format=container, options=options) as out:
        stream = out.add_stream("libx264", rate=10, options={"g": "10"})
        stream.width, stream.height, stream.pix_fmt = 320, 320, "yuv420p"
        for index in range(10):
            rgb = np.ascontiguousarray(np.roll(picture, index, axis=1)[:320, 60:380])
            out.mux(stream.encode(av.VideoFrame.from_ndarray(rgb, format="rgb24")))
        out.mux(stream.encode())
