"""A mirror on loopback of exactly the Debian packages that a lock names, for sealwright and for apt."""

import functools
import hashlib
import http.server
import os
import shutil
import subprocess
import threading
import tomllib
from pathlib import Path


class Quiet(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass


def stanza(deb: Path, name: str) -> str:
    control = subprocess.run(["dpkg-deb", "--field", deb], capture_output=True, text=True, check=True).stdout
    digest = hashlib.sha256(deb.read_bytes()).hexdigest()
    return f"{control.rstrip()}\nFilename: ./{name}\nSize: {deb.stat().st_size}\nSHA256: {digest}\n"


class Mirror:
    """`url`/debian/pool/… as Debian's archive has it, and `url`/flat as a trivial repository for apt."""

    def __init__(self, lock: Path, store: Path, folder: Path):
        image = tomllib.loads(lock.read_text())["image"][0]
        shutil.rmtree(folder, ignore_errors=True)
        flat = folder / "flat"
        flat.mkdir(parents=True)
        archives = {suite["name"]: suite["archive"] for suite in image["suites"]}
        self.names, stanzas = [], []
        for package in image["packages"]:
            digest = package["sha256"]
            blob = store / "blobs" / "sha256" / digest[:2] / digest
            pooled = folder / archives[package["suite"]] / package["path"]
            pooled.parent.mkdir(parents=True, exist_ok=True)
            file = f"{package['name']}_{package['arch']}.deb"
            for target in (pooled, flat / file):
                os.symlink(blob, target)
            stanzas.append(stanza(blob, file))
            self.names.append(package["name"])
        packages = "\n".join(stanzas).encode()
        (flat / "Packages").write_bytes(packages)
        digest = hashlib.sha256(packages).hexdigest()
        (flat / "Release").write_text(
            f"Suite: bookworm\nCodename: bookworm\nDate: Thu, 01 Jan 2026 00:00:00 UTC\nArchitectures: amd64 arm64\n"
            f"SHA256:\n {digest} {len(packages)} Packages\n")
        handler = functools.partial(Quiet, directory=str(folder))
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
