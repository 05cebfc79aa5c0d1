"""Gets source distributions from the package index that this host's pip is configured with.

`pip download` is not used: to learn an sdist's name it runs the sdist's own code, on the host.
"""

import base64
import hashlib
import json
import os
import re
import subprocess
import sys
import urllib.parse
import urllib.request
from pathlib import Path

SIMPLE_JSON = "application/vnd.pypi.simple.v1+json"


def ask_pip(*arguments: str) -> str:
    for python in (sys.executable, "python3", "/usr/bin/python3"):
        answer = subprocess.run([python, *arguments], capture_output=True, text=True, check=False)
        if answer.returncode == 0:
            return answer.stdout
    raise SystemExit("no Python with pip here: install python3-pip")


def index_url() -> str:
    """The index: pip's variables and files, then pip's own default."""
    for line in ask_pip("-m", "pip", "config", "list").splitlines():
        key, _, value = line.partition("=")
        if key in (":env:.index-url", "install.index-url", "download.index-url", "global.index-url"):
            return value.strip("'\"").rstrip("/")
    default = "from pip._internal.models.index import PyPI; print(PyPI.simple_url)"
    return ask_pip("-c", default).strip().rstrip("/")


def get(url: str, accept: str = "*/*") -> bytes:
    parts = urllib.parse.urlsplit(url)
    request = urllib.request.Request(
        urllib.parse.urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2])), headers={"Accept": accept}
    )
    if parts.username is not None:
        user = urllib.parse.unquote(f"{parts.username}:{parts.password or ''}")
        request.add_header("Authorization", "Basic " + base64.b64encode(user.encode()).decode())
    with urllib.request.urlopen(request, timeout=180) as answer:
        return answer.read()


def file_url(index: str, name: str, file: str) -> str:
    page_url = f"{index}/{re.sub(r'[-_.]+', '-', name).lower()}/"
    page = get(page_url, f"{SIMPLE_JSON}, text/html;q=0.1")
    try:
        links = {item["filename"]: item["url"] for item in json.loads(page)["files"]}
    except ValueError:
        anchors = re.findall(r'<a[^>]*href="([^"]+)"[^>]*>\s*([^<\s]+)\s*</a>', page.decode())
        links = {text: link.partition("#")[0] for link, text in anchors}
    if file not in links:
        raise LookupError(f"{file} is not on the index")
    return urllib.parse.urljoin(page_url, links[file])


def download(name: str, file: str, sha256: str, folder: Path) -> Path:
    """The file, checked; a file that is there already is checked too, and not got again."""
    target = folder / file
    if not target.exists():
        partial = target.with_name(f"{file}.{os.getpid()}.part")
        partial.write_bytes(get(file_url(index_url(), name, file)))
        partial.rename(target)
    actual = hashlib.sha256(target.read_bytes()).hexdigest()
    if actual != sha256:
        target.unlink()
        raise ValueError(f"{file}: sha256 is {actual}, expected {sha256}")
    return target
