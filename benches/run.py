#!/usr/bin/env python3
"""Measures sealwright beside its peers in one run, and prints ratios (see README.md)."""

import argparse
import functools
import hashlib
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import time
import tomllib
import zipfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(REPOSITORY / "tests" / "corpus"), str(REPOSITORY / "benches")]

import index  # noqa: E402
import mirror  # noqa: E402
import registry  # noqa: E402
import wheelhouse  # noqa: E402

PYTHON = "/usr/bin/python3"  # Debian's own: a slower Python would flatter us
REQUESTS = ("requests", "requests-2.32.3.tar.gz", "55365417734eb18255590a9ff9eb97e9e1da868d4ccd6402399eaf68af20a760")
NEEDS = {"git": "git", "bwrap": "bubblewrap", "mmdebstrap": "mmdebstrap", "openssl": "openssl", "cc": "gcc",
         "skopeo": "skopeo", "docker-registry": "docker-registry"}
HASHED = 2 << 30
PYTHON_LOOP = """
import hashlib, json, pathlib, sys
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from securesystemslib.dsse import Envelope
from securesystemslib.signer import SSlibKey
public, provenance, *files = sys.argv[1:]
pem = load_pem_public_key(open(public, "rb").read())
for file in map(pathlib.Path, files):
    envelope = Envelope.from_dict(json.loads((pathlib.Path(provenance) / f"{file.name}.intoto.jsonl").read_text()))
    envelope.verify([SSlibKey.from_crypto(pem, keyid=next(iter(envelope.signatures)))], 1)
    statement = json.loads(envelope.payload)
    assert statement["subject"][0]["digest"]["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
"""


def run(*command, cwd=None, **env):
    command = [str(part) for part in command]
    done = subprocess.run(command, cwd=cwd, env=os.environ | env, stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)}: exit {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-4000:]}")
    return done.stdout


def timed(*command, cwd=None, **env):
    start = time.perf_counter()
    run(*command, cwd=cwd, **env)
    return time.perf_counter() - start


def alternating(rounds, **tasks):
    """Medians of each task's seconds, the tasks taking turns; one turn before that warms caches."""
    seconds = {name: [] for name in tasks}
    for turn in range(rounds + 1):
        for name, task in tasks.items():
            taken = task()
            if turn:
                seconds[name].append(taken)
    return {name: statistics.median(all_of_it) for name, all_of_it in seconds.items()}


class Bench:
    def __init__(self, program, work, rounds):
        self.program, self.work, self.rounds = program, work, rounds
        self.store = work / "store"
        self.missed = []
        work.mkdir(parents=True, exist_ok=True)

    # --- what is measured is set up once

    @functools.cached_property
    def peers(self):
        folder = self.work / "peers"
        if not (folder / "bin" / "uv").exists():
            run(PYTHON, "-m", "venv", "--clear", folder)
            run(folder / "bin" / "pip", "install", "--quiet", "build", "uv")
        return folder / "bin"

    @functools.cached_property
    def requests(self):
        """A checkout of requests 2.32.3, locked, with a store that holds all that its build needs."""
        folder = self.work / "requests-2.32.3"
        archive = index.download(*REQUESTS, self.work)
        ready = folder / ".git" / "ready"
        if not ready.exists():
            shutil.rmtree(folder, ignore_errors=True)
            run("tar", "--no-same-owner", "-xf", archive, cwd=self.work)
            identity = {f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER") for what, value in
                        (("NAME", "Bench"), ("EMAIL", "bench@host.example"), ("DATE", "2024-05-29T15:37:47Z"))}
            run("git", "init", "--quiet", cwd=folder)
            (folder / ".git" / "info" / "exclude").write_text("dist/\nprovenance/\nsealwright.lock\n")
            # The frozen archive, as in the examples: one base image for all that is measured and tested.
            (folder / "sealwright.toml").write_text('[target.dist]\nsuites = ["bookworm"]\n')
            run("git", "add", "--all", "--force", cwd=folder)
            run("git", "commit", "--quiet", "--message", "requests 2.32.3", cwd=folder, **identity)
            ready.touch()
        run("git", "checkout", "--quiet", "--", ".", cwd=folder)
        self.sealwright(folder, "build")
        return folder

    def clean(self):
        """The checkout as it was committed: peers leave build/ and change the egg-info that the sdist brought."""
        for name in ("dist", "build", "provenance"):
            shutil.rmtree(self.requests / name, ignore_errors=True)
        run("git", "checkout", "--quiet", "--", ".", cwd=self.requests)

    def sealwright(self, folder, *arguments, **env):
        return timed(self.program, "-C", folder, *arguments, SEALWRIGHT_STORE=str(self.store), **env)

    def parts(self, *arguments):
        """Runs one part of `benches/parts.rs`, which measures inside one process."""
        return json.loads(run("cargo", "bench", "--quiet", "--locked", "--bench", "parts", "--", *arguments,
                              cwd=REPOSITORY, no_proxy="127.0.0.1"))

    # --- comparisons

    def build(self):
        folder = self.requests

        def clean(task):
            def timed_task():
                self.clean()
                return task()
            return timed_task

        medians = alternating(
            self.rounds,
            ours=clean(lambda: self.sealwright(folder, "build", "--no-cache")),
            pip=clean(lambda: timed(self.peers / "python", "-m", "build", folder)),
            uv=clean(lambda: timed(self.peers / "uv", "build", "--python", PYTHON, folder)),
        )
        self.show("build/pip", medians["ours"], medians["pip"], 0.30)
        self.show("build/uv", medians["ours"], medians["uv"], 0.60)

    def unchanged(self):
        folder = self.requests
        self.clean()
        self.sealwright(folder, "build")
        medians = alternating(max(self.rounds, 20), ours=lambda: self.sealwright(folder, "build"))
        self.show_absolute("unchanged", medians["ours"] * 1000, 30, "ms")

    def lock(self):
        """From nothing, with Debian's indexes and the image warm, against both things that uv does for the same: the
        project's dependencies and the build requirements, with hashes. What the project's own hooks take in the box is
        not ours, and left out."""
        folder = self.requests
        theirs = self.work / "uv-project"
        theirs.mkdir(exist_ok=True)
        (theirs / "pyproject.toml").write_text(
            '[project]\nname = "locked"\nversion = "1"\nrequires-python = ">=3.11"\ndependencies = ["requests==2.32.3"]\n')
        (theirs / "build.in").write_text("setuptools >= 40.8.0\n")

        def ours():
            (folder / "sealwright.lock").unlink(missing_ok=True)
            start = time.perf_counter()
            done = subprocess.run([self.program, "-C", folder, "lock"], env=os.environ | {"SEALWRIGHT_STORE": str(self.store)},
                                  capture_output=True, text=True, check=True)
            seconds = time.perf_counter() - start
            hooks = re.findall(r"asked the build backend: ([0-9.]+) s", done.stderr)
            assert hooks, done.stderr
            return seconds - sum(map(float, hooks))

        def peer():
            (theirs / "uv.lock").unlink(missing_ok=True)
            uv = self.peers / "uv"
            return (timed(uv, "lock", "--python", PYTHON, cwd=theirs)
                    + timed(uv, "pip", "compile", "--python", PYTHON, "--generate-hashes", "--quiet", "build.in", cwd=theirs))

        medians = alternating(self.rounds, ours=ours, uv=peer)
        self.show("lock", medians["ours"], medians["uv"], 2.0)

    def fresh(self):
        folder = self.requests
        self.sealwright(folder, "lock")
        medians = alternating(max(self.rounds, 20), ours=lambda: self.sealwright(folder, "lock"))
        self.show_absolute("fresh", medians["ours"] * 1000, 30, "ms")

    def box(self):
        assert self.requests
        tree = next((self.store / "trees" / "image").glob("*/root"))
        medians = self.parts("box", tree, str(max(self.rounds, 30)))
        self.show("box", medians["ours"], medians["bwrap"], 2.0)

    def image(self):
        lock = self.requests / "sealwright.lock"
        with mirror.Mirror(lock, self.store, self.work / "mirror") as served:
            whole, without_byte_code, peer = [], [], []
            for turn in range(self.rounds + 1):
                figures = self.parts("image", lock, served.url, self.work / "image-store")
                tree = self.work / "mmdebstrap"
                shutil.rmtree(tree, ignore_errors=True)
                seconds = timed("mmdebstrap", "--quiet", "--variant=extract", f"--include={','.join(served.names)}",
                                "--aptopt=Acquire::http::Proxy \"DIRECT\"", "bookworm", tree,
                                f"deb [trusted=yes] {served.url}/flat ./")
                if turn:
                    whole.append(figures["whole"])
                    without_byte_code.append(figures["without_byte_code"])
                    peer.append(seconds)
            shutil.rmtree(tree, ignore_errors=True)
        self.show("image", statistics.median(without_byte_code), statistics.median(peer), 0.5)
        print(f"  {len(served.names)} packages; with byte code {statistics.median(whole):.2f} s")

    def pull(self):
        """The base image, pushed by skopeo (which compresses its layers) to a registry on loopback; the peer copies it to
        a layout and unpacks each layer in turn."""
        layout, peer = self.work / "base-layout", self.work / "pulled"
        if not (layout / "index.json").exists():
            self.parts("layout", self.requests / "sealwright.lock", self.store, layout)
        with registry.Registry(self.work / "registry") as served:
            reference = f"127.0.0.1:{served.port}/bench/base:tag"
            if not served.has("bench/base", "tag"):
                run("skopeo", "--insecure-policy", "copy", "--dest-tls-verify=false", f"oci:{layout}:base", f"docker://{reference}")
            fetched = []

            def ours():
                figures = self.parts("pull", reference, self.work / "pull-store")
                fetched.append(figures["fetched"])
                return figures["whole"]

            def skopeo():
                shutil.rmtree(peer, ignore_errors=True)
                (peer / "root").mkdir(parents=True)
                start = time.perf_counter()
                run("skopeo", "--insecure-policy", "copy", "--src-tls-verify=false", f"docker://{reference}", f"oci:{peer}/layout:base")
                for layer in registry.layers(peer / "layout"):
                    run("tar", "-xf", layer, "-C", peer / "root")
                return time.perf_counter() - start

            medians = alternating(self.rounds, ours=ours, skopeo=skopeo)
            shutil.rmtree(peer, ignore_errors=True)
        self.show("pull", medians["ours"], medians["skopeo"], 0.8)
        print(f"  fetched after {statistics.median(fetched):.2f} s, the rest is unpacking")

    def fetch(self):
        """Sixty locked distributions from an index on loopback, into a store that has all but them. uv has no command that
        downloads."""
        folder, theirs = self.work / "fetched", self.work / "downloaded"
        folder.mkdir(exist_ok=True)
        with wheelhouse.Index(self.work / "wheels") as index:
            requirements = folder / "requirements.txt"
            requirements.write_text(index.requirements())
            (folder / "sealwright.toml").write_text(
                '[target.all]\nbuilder = "bundle"\nsuites = ["bookworm"]\nrequirements = "requirements.txt"\nfiles = ["requirements.txt"]\n')
            (folder / "pyproject.toml").write_text('[project]\nname = "all"\nversion = "1"\n')
            if not (folder / ".git").exists():
                run("git", "init", "--quiet", cwd=folder)
            run("git", "add", "--all", cwd=folder)
            run("git", "-c", "user.name=Bench", "-c", "user.email=bench@host.example", "commit", "--quiet", "--allow-empty", "--message", "all", cwd=folder)
            # The builder's own tools come from this host's index, before anything is measured.
            here = {"UV_INDEX": index.url, "NO_PROXY": "127.0.0.1"}
            self.sealwright(folder, "lock", **here)
            self.sealwright(folder, "fetch", **here)

            def ours():
                for digest in index.files.values():
                    (self.store / "blobs" / "sha256" / digest[:2] / digest).unlink()
                return self.sealwright(folder, "fetch", **here)

            def pip():
                shutil.rmtree(theirs, ignore_errors=True)
                return timed(self.peers / "pip", "download", "--quiet", "--no-cache-dir", "--no-deps", "--require-hashes",
                             "--requirement", requirements, "--dest", theirs, PIP_INDEX_URL=index.url, PIP_FIND_LINKS="",
                             NO_PROXY="127.0.0.1")

            medians = alternating(self.rounds, ours=ours, pip=pip)
            assert len(list(theirs.iterdir())) == len(index.files) == wheelhouse.COUNT
        self.show("fetch", medians["ours"], medians["pip"], 1.0)

    def hash(self):
        file = self.work / "two-gigabytes"
        if not file.exists() or file.stat().st_size != HASHED:
            chunk = os.urandom(16 << 20)
            with file.open("wb") as out:
                for _ in range(HASHED // len(chunk)):
                    out.write(chunk)
        figures = {}

        def ours():
            figures.update(self.parts("hash", file))
            return figures["seconds"]

        medians = alternating(min(self.rounds, 3), ours=ours, openssl=lambda: timed("openssl", "dgst", "-sha256", file))
        self.show("hash", medians["ours"], medians["openssl"], 1 / 0.9)
        self.show_absolute("memory", figures["resident"] / 2**20, 64, "MiB")
        file.unlink()

    def verify(self):
        """1,000 outputs of 1 MB with statements as large as a real one, in one call."""
        folder, count = self.work / "verify", 1000
        dist, provenance = folder / "dist", folder / "provenance"
        if not (folder / "ready").exists():
            shutil.rmtree(folder, ignore_errors=True)
            dist.mkdir(parents=True)
            provenance.mkdir()
            real = next((self.requests / "provenance").glob("*.whl.intoto.jsonl"))
            statement = json.loads(real.read_text())
            statement["predicate"]["buildDefinition"]["externalParameters"]["source"] = {"uri": "git+https://git.example/a/b"}
            statement["predicate"]["buildDefinition"]["resolvedDependencies"][0]["uri"] = "git+https://git.example/a/b"
            run(self.program, "keygen", "--no-passphrase", "--output-prefix", folder / "key")
            for number in range(count):
                data = os.urandom(1_000_000)
                name = f"x-{number}-py3-none-any.whl"
                (dist / name).write_bytes(data)
                statement["subject"] = [{"name": name, "digest": {"sha256": hashlib.sha256(data).hexdigest()}}]
                (provenance / f"{name}.intoto.jsonl").write_text(json.dumps(statement, separators=(",", ":")) + "\n")
            files = sorted(provenance.iterdir())
            for form in ("sigstore", "dsse"):
                run(self.program, "sign", "--key", folder / "key.key", "--format", form, *files)
            (folder / "ready").touch()
        files = sorted(dist.iterdir())
        if not (self.peers / "securesystemslib").exists():
            run(self.peers / "pip", "install", "--quiet", "securesystemslib[crypto]")
            (self.peers / "securesystemslib").touch()
        tasks = {
            "ours": lambda: timed(self.program, "verify", "--quiet", "--key", folder / "key.pub",
                                  "--source", "https://git.example/a/b", *files) / count,
            "python": lambda: timed(self.peers / "python", "-c", PYTHON_LOOP, folder / "key.pub", provenance, *files) / count,
        }
        places = [REPOSITORY / "target" / "tmp" / "judges-go" / "bin", Path.home() / "go" / "bin"]
        cosign = shutil.which("cosign") or shutil.which("cosign", path=os.pathsep.join(map(str, places)))
        if cosign:
            bundle = provenance / f"{files[0].name}.sigstore.json"
            tasks["cosign"] = lambda: timed(cosign, "verify-blob-attestation", "--key", folder / "key.pub", "--bundle", bundle,
                                            "--type", "slsaprovenance1", "--insecure-ignore-tlog=true", files[0])
        else:
            print("skipped: cosign is not installed")
        medians = alternating(self.rounds, **tasks)
        self.show("verify/py", medians["ours"], medians["python"], 0.2)
        if cosign:
            self.show("verify/cosign", medians["ours"], medians["cosign"], 0.02)

    def sign(self):
        """What a signature adds: outputs and statements published from the cache, with and without a key."""
        folder, key = self.requests, self.work / "sign"
        if not key.with_suffix(".key").exists():
            run(self.program, "keygen", "--no-passphrase", "--output-prefix", key)

        def published(*arguments):
            for name in ("dist", "provenance"):
                shutil.rmtree(folder / name, ignore_errors=True)
            return self.sealwright(folder, "build", *arguments)

        medians = alternating(max(self.rounds, 40), ours=lambda: published("--key", key.with_suffix(".key")),
                              unsigned=lambda: published("--unsigned"))
        self.show_absolute("sign", (medians["ours"] - medians["unsigned"]) * 1000, 5, "ms")

    @functools.cached_property
    def numpy(self):
        """A real wheel of numpy, packed three times: with other times, and with other times and one changed member."""
        folder = self.work / "diff"
        name, changed = "numpy-2.1.1-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl", "numpy/__init__.py"
        wheels = {which: folder / which / name for which in ("one", "later", "other")}
        if not all(wheel.exists() for wheel in wheels.values()):
            run(self.peers / "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:", "--dest", folder,
                "--python-version", "3.11", "--platform", "manylinux2014_x86_64", "numpy==2.1.1")
            for year, (which, wheel) in zip((2020, 2021, 2022), wheels.items(), strict=True):
                wheel.parent.mkdir(parents=True, exist_ok=True)
                with zipfile.ZipFile(folder / name) as old, zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as new:
                    for member in old.infolist():
                        content = old.read(member)
                        if which == "other" and member.filename == changed:
                            content += b"CHANGED = True\n"
                        member.date_time = (year, 1, 1, 0, 0, 0)
                        new.writestr(member, content)
        return wheels, changed

    def diff(self):
        """Two wheels with one changed member: both have to say so, and name it. Then with nothing changed inside,
        against hashing alone."""
        wheels, changed = self.numpy
        if not (self.peers / "diffoscope").exists():
            run(self.peers / "pip", "install", "--quiet", "diffoscope")

        def compared(code, *command):
            start = time.perf_counter()
            done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
            seconds = time.perf_counter() - start
            assert done.returncode == code and (code == 0 or changed in done.stdout), done.stdout + done.stderr
            return seconds

        one, later, other = wheels.values()
        medians = alternating(
            self.rounds,
            ours=lambda: compared(5, self.program, "diff", one, other),
            peer=lambda: compared(1, self.peers / "diffoscope", one, other),
            equal=lambda: compared(0, self.program, "diff", one, later),
            hashed=lambda: compared(0, "openssl", "dgst", "-sha256", one, later),
        )
        self.show("diff", medians["ours"], medians["peer"], 0.05)
        self.show("diff/hash", medians["equal"], medians["hashed"], 2.0)

    def rebuild(self):
        """The same build, from the wheel's statement and a clone."""
        folder = self.requests
        self.sealwright(folder, "build", "--unsigned")
        statement = next((folder / "provenance").glob("*.whl.intoto.jsonl"))
        kept = self.work / statement.name
        shutil.copyfile(statement, kept)
        medians = alternating(
            max(self.rounds, 10),
            ours=lambda: self.sealwright(folder, "rebuild", kept, "--unsigned", "--source", folder),
            build=lambda: self.sealwright(folder, "build", "--unsigned", "--no-cache"),
        )
        self.show("rebuild", medians["ours"], medians["build"], 1.1)

    def pyinstaller(self):
        """httpie as one executable. The peer is PyInstaller of the same version on the same code and dependencies, with
        Debian's Python, told to start anew (`--clean`) as every box does."""
        folder, theirs = self.work / "executable", self.work / "pyinstaller"
        example = REPOSITORY / "examples" / "executables" / "httpie"
        if not (folder / ".git").exists():
            shutil.rmtree(folder, ignore_errors=True)
            shutil.copytree(example, folder)
            run("git", "init", "--quiet", cwd=folder)
            run("git", "add", "--all", cwd=folder)
            run("git", "-c", "user.name=Bench", "-c", "user.email=bench@host.example", "commit", "--quiet", "--message", "all", cwd=folder)
        toolchain = tomllib.loads((REPOSITORY / "builders" / "pyinstaller" / "toolchain.toml").read_text())
        tools = sorted({f"{tool['name']}=={tool['version']}" for tool in toolchain["distribution"]})
        ready = theirs / "ready"
        if not ready.exists() or ready.read_text() != " ".join(tools):
            run(PYTHON, "-m", "venv", "--clear", theirs)
            run(theirs / "bin" / "pip", "install", "--quiet", "--requirement", example / "requirements.txt")
            run(theirs / "bin" / "pip", "install", "--quiet", *tools)
            ready.write_text(" ".join(tools))
        self.sealwright(folder, "build")
        options = ["--noconfirm", "--clean", "--onefile", "--name", "http", "--copy-metadata", "httpie", "--log-level", "WARN"]
        medians = alternating(
            min(self.rounds, 3),
            ours=lambda: self.sealwright(folder, "build", "--no-cache"),
            pyinstaller=lambda: timed(
                theirs / "bin" / "pyinstaller", *options, "--distpath", theirs / "dist", "--workpath", theirs / "work",
                "--specpath", theirs, folder / "main.py", cwd=folder),
        )
        self.show("pyinstaller", medians["ours"], medians["pyinstaller"], 1.05)

    # --- what is printed

    def show(self, name, ours, peer, bar):
        ratio = ours / peer
        self.line(name, f"{ours * 1000:>9.1f} ms {peer * 1000:>9.1f} ms {ratio:>7.3f} {bar:>7.2f}", ratio <= bar)

    def show_absolute(self, name, ours, bar, unit):
        self.line(name, f"{ours:>9.1f} {unit:<3} {'':>11} {'':>7} {bar:>4} {unit}", ours <= bar)

    def line(self, name, figures, holds):
        if not holds:
            self.missed.append(name)
        print(f"{name:<10} {figures}  {'ok' if holds else 'MISSED'}", flush=True)


COMPARISONS = ("build", "unchanged", "lock", "fresh", "box", "image", "pull", "fetch", "hash", "verify", "sign", "diff",
               "rebuild", "pyinstaller")


def install_needs():
    missing = [package for tool, package in NEEDS.items() if shutil.which(tool) is None]
    if subprocess.run([PYTHON, "-c", "import ensurepip, venv"], capture_output=True, check=False).returncode:
        missing.append("python3-venv")
    if missing:
        print(f"installing {' '.join(missing)}", flush=True)
        run("apt-get", "update", "-q")
        run("apt-get", "install", "-q", "-y", "--no-install-recommends", *missing, DEBIAN_FRONTEND="noninteractive")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", type=Path, default=REPOSITORY / "target" / "release" / "sealwright")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", nargs="+", choices=COMPARISONS, default=COMPARISONS)
    parser.add_argument("--work", type=Path, default=REPOSITORY / "target" / "bench")
    options = parser.parse_args()
    install_needs()
    bench = Bench(options.program.absolute(), options.work.absolute(), options.rounds)
    print(f"{'name':<10} {'ours':>12} {'peer':>12} {'ratio':>7} {'bar':>7}", flush=True)
    for name in options.only:
        getattr(bench, name)()
    if bench.missed:
        sys.exit(f"missed: {', '.join(bench.missed)}")


if __name__ == "__main__":
    main()
