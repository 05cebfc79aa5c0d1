"""Sixty wheels, and a package index on loopback that serves them (PEP 691 and PEP 503)."""

import base64
import hashlib
import http.server
import json
import random
import threading
import zipfile
from pathlib import Path

COUNT = 60
JSON = "application/vnd.pypi.simple.v1+json"


def sizes():
    """As in a usual environment: most are small, a few are most of the bytes. 72 MB in all."""
    chance = random.Random(60)
    small = [chance.randint(8_000, 200_000) for _ in range(42)]
    medium = [chance.randint(300_000, 2_500_000) for _ in range(14)]
    return small + medium + [6_000_000, 9_000_000, 14_000_000, 20_000_000]


def make(folder: Path):
    """The wheels, the same bytes each time. Returns `{file: sha256}`."""
    folder.mkdir(parents=True, exist_ok=True)
    made = {}
    for number, size in enumerate(sizes()):
        name = f"bench_{number:02}"
        info = f"{name}-1.0.dist-info"
        files = {
            f"{name}/data.bin": random.Random(number).randbytes(size),
            f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n".encode(),
            f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: bench\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        }
        record = "".join(
            f"{path},sha256={base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip('=')},{len(data)}\n"
            for path, data in files.items())
        files[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n".encode()
        path = folder / f"{name}-1.0-py3-none-any.whl"
        with zipfile.ZipFile(path, "w") as archive:
            for member, data in files.items():
                archive.writestr(zipfile.ZipInfo(member, (2020, 1, 1, 0, 0, 0)), data)
        made[path.name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return made


class Index:
    """The index, at `url`."""

    def __init__(self, folder: Path):
        self.files = make(folder)
        pages = {}
        for file, digest in self.files.items():
            name = file.split("-")[0].replace("_", "-")
            entry = {"filename": file, "url": f"/files/{file}", "hashes": {"sha256": digest},
                     "size": (folder / file).stat().st_size}
            page = {"meta": {"api-version": "1.1"}, "name": name, "versions": ["1.0"], "files": [entry]}
            pages[f"/simple/{name}/"] = json.dumps(page).encode()

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self):
                body = pages.get(self.path)
                kind = JSON
                if body is None and self.path.startswith("/files/"):
                    body, kind = contents.get(self.path.rpartition("/")[2]), "application/octet-stream"
                self.send_response(200 if body is not None else 404)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body or b"")))
                self.end_headers()
                self.wfile.write(body or b"")

            def log_message(self, *_):
                pass

        contents = {file: (folder / file).read_bytes() for file in self.files}
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/simple"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()

    def requirements(self):
        """All of them, pinned and hashed."""
        return "".join(f"{file.split('-')[0].replace('_', '-')}==1.0 --hash=sha256:{digest}\n"
                       for file, digest in self.files.items())
