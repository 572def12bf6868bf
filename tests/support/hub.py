"""A small hub: what huggingface_hub asks of the true one, and a folder of voices beside it.

Large files are redirected to another host, as on the true hub: this server's other name.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import threading
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

COMMIT = "c0ffee" + "0" * 34
LARGE = (".safetensors", ".onnx")


@dataclass(frozen=True)
class Request:
    """One that was seen."""

    method: str
    path: str
    range: str
    token: str


@dataclass
class Hub:
    """Files by repository, and how the server is to behave.

    Attributes:
        repos: repository → file → content; files called *.safetensors or *.onnx are large ones.
        voices: name → content of `voices/NAME.pt`.
        cuts: path → after how many bytes to cut the next answers, one number an answer.
        instead: path → what is sent there instead, of the same size.
        held: paths whose answers stop in the middle; `reached` is set when one does.
        closed: repositories that ask for consent.
        seen: the requests, in order.
        ended: set when the server stops.
    """

    repos: dict[str, dict[str, bytes]] = field(default_factory=dict)
    voices: dict[str, bytes] = field(default_factory=dict)
    cuts: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    instead: dict[str, bytes] = field(default_factory=dict)
    held: set[str] = field(default_factory=set)
    reached: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)
    closed: set[str] = field(default_factory=set)
    seen: list[Request] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def got(self, path: str) -> list[Request]:
        """Requests for contents whose path begins so."""
        return [r for r in self.seen if r.method == "GET" and r.path.startswith(path)]


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def sha1(data: bytes) -> str:
    return hashlib.sha1(data).hexdigest()


@contextlib.contextmanager
def serving(hub: Hub) -> Iterator[Hub]:
    """Serve on a free port for as long as the context lasts."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

        def do_HEAD(self) -> None:
            self.answer()

        def do_GET(self) -> None:
            self.answer()

        def answer(self) -> None:
            path = unquote(urlsplit(self.path).path)
            token = self.headers.get("Authorization", "")
            hub.seen.append(Request(self.command, path, self.headers.get("Range", ""), token))
            parts = path.strip("/").split("/")
            if parts[:2] == ["api", "models"]:
                self.api("/".join(parts[2:4]), parts[4:])
            elif parts[0] == "cdn":
                large = (d for files in hub.repos.values() for d in files.values())
                self.content(path, next(d for d in large if sha256(d) == parts[1]))
            elif parts[0] == "voices":
                data = hub.voices.get(parts[1].removesuffix(".pt"))
                if data is None:
                    self.refuse("")
                else:
                    self.content(path, data, ETag=f'"{sha1(data)}"')
            elif parts[2:3] == ["resolve"]:
                self.file("/".join(parts[:2]), parts[3], "/".join(parts[4:]))
            else:  # such as the library's questions about who uses it
                self.refuse("")

        def refuse(self, code: str, status: int = 404) -> None:
            self.send_response(status)
            if code:
                self.send_header("X-Error-Code", code)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def known(self, repo: str, revision: str) -> bool:
            if repo not in hub.repos:
                self.refuse("RepoNotFound")
            elif repo in hub.closed:
                self.refuse("GatedRepo", 403)
            elif revision not in {"main", COMMIT}:
                self.refuse("RevisionNotFound")
            else:
                return True
            return False

        def api(self, repo: str, rest: list[str]) -> None:
            if not self.known(repo, rest[1] if rest else "main"):
                return
            files = hub.repos[repo]
            if rest[:1] == ["tree"]:
                tree: list[dict[str, Any]] = []
                for name, data in files.items():
                    tree.append(
                        {"type": "file", "path": name, "size": len(data), "oid": sha1(data)}
                    )
                    if name.endswith(LARGE):
                        tree[-1]["lfs"] = {
                            "oid": sha256(data), "size": len(data), "pointerSize": 130,
                        }  # fmt: skip
                body = json.dumps(tree)
            else:
                siblings = [self.sibling(name, data) for name, data in files.items()]
                body = json.dumps({"id": repo, "sha": COMMIT, "siblings": siblings})
            self.content("", body.encode(), **{"Content-Type": "application/json"})

        def sibling(self, name: str, data: bytes) -> dict[str, Any]:
            told: dict[str, Any] = {"rfilename": name, "size": len(data), "blobId": sha1(data)}
            if name.endswith(LARGE):
                told["lfs"] = {"sha256": sha256(data), "size": len(data), "pointerSize": 130}
            return told

        def file(self, repo: str, revision: str, name: str) -> None:
            if not self.known(repo, revision):
                return
            data = hub.repos[repo].get(name)
            if data is None:
                return self.refuse("EntryNotFound")
            if not name.endswith(LARGE):
                return self.content("", data, ETag=f'"{sha1(data)}"', **{"X-Repo-Commit": COMMIT})
            self.send_response(302)
            self.send_header("Location", f"http://localhost:{hub.port}/cdn/{sha256(data)}")
            self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("X-Linked-Etag", f'"{sha256(data)}"')
            self.send_header("X-Linked-Size", str(len(data)))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def content(self, path: str, data: bytes, **headers: str) -> None:
            data = hub.instead.get(path, data)
            start = int(self.headers.get("Range", "bytes=0-")[6:-1])
            if start and start >= len(data):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(data)}")
                data = b""
            elif start:
                self.send_response(206)
                self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
            else:
                self.send_response(200)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data) - start if data else 0))
            self.end_headers()
            if self.command == "GET":
                data, cuts = data[start:], hub.cuts[path]
                if path in hub.held:
                    self.wfile.write(data[: len(data) // 2])
                    hub.reached.set()
                    hub.ended.wait()
                else:
                    self.wfile.write(data[: cuts.pop(0) if cuts else None])

    class Server(ThreadingHTTPServer):
        daemon_threads = True

    server = Server(("127.0.0.1", 0), Handler)
    hub.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield hub
    finally:
        hub.ended.set()
        server.shutdown()
        server.server_close()
        thread.join()
