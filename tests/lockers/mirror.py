#!/usr/bin/env python3
"""A package index on loopback in front of the one that this host's pip is configured with.

    mirror.py [--port N] [--before TIME] [--ready FILE]

Tools that write URLs into their lock file are run against it, so that the files name 127.0.0.1 and no registry. With
`--before` it hides what was uploaded since, so that locking again gives the same versions. It keeps nothing.
"""

import argparse
import functools
import html
import json
import re
import sys
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "corpus"))
import index  # noqa: E402

# Asking pip takes a second.
host_index = functools.cache(index.index_url)
pages: dict[str, tuple[str, dict]] = {}
guard = threading.Lock()


def page(name: str) -> tuple[str, dict]:
    """The host's page of a project: its URL, and what it says."""
    with guard:
        if name not in pages:
            url = f"{host_index()}/{name}/"
            pages[name] = url, json.loads(index.get(url, index.SIMPLE_JSON))
        return pages[name]


def path_of(name: str, file: str) -> str:
    return f"/files/{name}/{urllib.parse.quote(file)}"


class Mirror(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    before = ""

    def log_message(self, *_):
        pass

    def answer(self, body: bytes, kind: str, status: int = 200):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        try:
            parts = [urllib.parse.unquote(part) for part in self.path.partition("?")[0].strip("/").split("/")]
            match parts:
                case ["simple", name]:
                    self.project(name)
                case [name, "json"]:
                    self.releases(name)
                case ["files", name, file]:
                    self.file(name, file)
                case _:
                    self.answer(b"", "text/plain", 404)
        except BrokenPipeError:
            pass
        except Exception as error:
            self.answer(f"{self.path}: {error}\n".encode(), "text/plain", getattr(error, "code", 502))

    def seen(self, name: str) -> list[dict]:
        """The files that were uploaded before the time."""
        files = page(name)[1]["files"]
        return [item for item in files if not self.before or item.get("upload-time", "") < self.before]

    def releases(self, name: str):
        """What pip-compile asks for hashes; without it it downloads every file."""
        releases: dict[str, list] = {}
        for item in self.seen(name):
            file = item["filename"]
            wheel = file.endswith(".whl")
            version = file.split("-")[1] if wheel else re.sub(r"(\.tar\.\w+|\.zip|\.tgz)$", "", file).rpartition("-")[2]
            kind = "bdist_wheel" if wheel else "sdist"
            url = f"http://{self.headers['Host']}{path_of(name, file)}"
            release = {"url": url, "packagetype": kind, "digests": item["hashes"]}
            releases.setdefault(version, []).append(release)
        self.answer(json.dumps({"releases": releases}).encode(), "application/json")

    def project(self, name: str):
        there = page(name)[1]
        files = []
        for item in self.seen(name):
            kept = ("filename", "hashes", "requires-python", "size", "upload-time", "yanked")
            files.append({"url": path_of(name, item["filename"])} | {key: item[key] for key in kept if item.get(key) is not None})
        if "json" in self.headers.get("Accept", ""):
            body = {"meta": {"api-version": "1.1"}, "name": name, "files": files, "versions": there.get("versions", [])}
            self.answer(json.dumps(body).encode(), index.SIMPLE_JSON)
            return
        lines = ["<!DOCTYPE html><html><body>"]
        for item in files:
            wants = html.escape(item.get("requires-python", ""))
            wants = f' data-requires-python="{wants}"' if wants else ""
            link = f"{item['url']}#sha256={item['hashes']['sha256']}"
            lines.append(f'<a href="{link}"{wants}>{item["filename"]}</a><br>')
        self.answer("\n".join(lines).encode(), "text/html; charset=utf-8")

    def file(self, name: str, file: str):
        base, there = page(name)
        [url] = [item["url"] for item in there["files"] if item["filename"] == file]
        self.answer(index.get(urllib.parse.urljoin(base, url)), "application/octet-stream")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--before", default="", help="RFC 3339 in UTC")
    parser.add_argument("--ready", type=Path, help="a file that gets the port when it listens")
    given = parser.parse_args()
    Mirror.before = given.before
    server = ThreadingHTTPServer(("127.0.0.1", given.port), Mirror)
    server.daemon_threads = True
    page("pip")
    if given.ready:
        partial = given.ready.with_suffix(".part")
        partial.write_text(f"{server.server_port}\n")
        partial.rename(given.ready)
    server.serve_forever()


if __name__ == "__main__":
    main()
