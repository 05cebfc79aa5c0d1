"""Debian's `docker-registry` on loopback, over a folder that keeps what was pushed."""

import json
import socket
import subprocess
import time
import urllib.error
import urllib.request


class Registry:
    def __init__(self, folder):
        self.folder = folder

    def __enter__(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        config = self.folder / "config.yml"
        config.write_text(f"version: 0.1\nlog:\n  level: error\nstorage:\n  filesystem:\n    rootdirectory: {self.folder / 'data'}\n"
                          f"http:\n  addr: 127.0.0.1:{self.port}\n")
        self.process = subprocess.Popen(["docker-registry", "serve", config], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(500):
            with socket.socket() as connection:
                if connection.connect_ex(("127.0.0.1", self.port)) == 0:
                    return self
            time.sleep(0.02)
        raise RuntimeError("docker-registry is not ready")

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def has(self, name, tag):
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/v2/{name}/manifests/{tag}", method="HEAD",
                                         headers={"Accept": "application/vnd.oci.image.manifest.v1+json"})
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            return opener.open(request).status == 200
        except urllib.error.HTTPError:
            return False


def layers(layout):
    """The layers of the one image of an OCI layout, as files, the lowest first."""
    blob = lambda descriptor: layout / "blobs" / descriptor["digest"].replace(":", "/")  # noqa: E731
    index = json.loads((layout / "index.json").read_text())
    manifest = json.loads(blob(index["manifests"][0]).read_text())
    return [blob(layer) for layer in manifest["layers"]]
