#!/usr/bin/env python3
"""Builds real source distributions twice each and compares the outputs, then rebuilds them from their statements alone.

The second build runs in another folder, with an empty store of its own, under another user, host name, umask, time
zone and locale (as root; otherwise what an ordinary user may change). Both use one lock.
"""

import argparse
import concurrent.futures
import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

import index

HERE = Path(__file__).resolve().parent
USER = "sealwright-corpus"
TIME_LIMIT = 45 * 60


@dataclass
class Result:
    name: str
    file: str
    verdict: str = "failed"
    first_seconds: float = 0.0
    second_seconds: float = 0.0
    rebuild: str = ""
    rebuild_seconds: float = 0.0
    reason: str = ""
    outputs: dict = field(default_factory=dict)


@dataclass
class Place:
    """Where and as whom a build runs."""

    folder: Path
    store: Path
    prefix: list
    env: dict
    umask: int


def run_build(program: Path, place: Place, name: str, arguments: list) -> tuple:
    return run_program(program, place, name, ["build", *arguments])


def run_program(program: Path, place: Place, name: str, arguments: list) -> tuple:
    folder = place.folder / name
    env = {key: value for key, value in os.environ.items() if not key.startswith("SEALWRIGHT_")}
    env |= {"SEALWRIGHT_STORE": str(place.store), "NO_COLOR": "1"} | place.env
    start = time.monotonic()
    with (place.folder / f"{name}.log").open("w+", errors="replace") as log:
        try:
            code = subprocess.run(
                [*place.prefix, str(program), "-C", str(folder), *arguments],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=env, umask=place.umask,
                timeout=TIME_LIMIT, check=False,
            ).returncode
        except subprocess.TimeoutExpired:
            code = -1
            log.write(f"error: not done after {TIME_LIMIT} s\n")
        log.seek(0)
        text = log.read()
    return code, time.monotonic() - start, text


def outputs(folder: Path) -> dict:
    files = sorted((folder / "dist").iterdir())
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def reason(log: str) -> str:
    """The program's own error line, with the build's last word where the build failed."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("error")]
    return errors[-1] if errors else (lines[-1] if lines else "no output")


def rebuild(program: Path, place: Place, name: str, key: Path, result: Result) -> None:
    """From the statement of each output, in a folder that holds nothing else: the sdist comes from the index, by digest."""
    away = place.folder / name / "away"
    away.mkdir()
    verdicts = []
    for statement in sorted((place.folder / name / "provenance").iterdir()):
        shutil.copyfile(statement, away / statement.name)
        arguments = ["rebuild", str(away / statement.name), "--key", f"{key}.pub", "--json"]
        code, seconds, log = run_program(program, place, name, arguments)
        result.rebuild_seconds += seconds
        found = [line.partition(":")[2].strip(' ",') for line in log.splitlines() if line.startswith('  "verdict"')]
        verdicts.append(found[0] if found else f"failed ({code})")
        if code != 0 and not result.reason:
            result.reason = f"rebuild: {reason(log)}"
    result.rebuild = verdicts[0] if len(set(verdicts)) == 1 else ", ".join(verdicts)


def build_twice(program: Path, sdist: dict, downloads: Path, first: Place, second: Place, key: Path) -> Result:
    result = Result(sdist["name"], sdist["file"])
    name = sdist["name"]
    try:
        archive = index.download(name, sdist["file"], sdist["sha256"], downloads)
        archive.chmod(0o644)
    except (OSError, ValueError, LookupError) as error:
        result.reason = f"download: {error}"
        return result
    config = HERE / "config" / f"{name}.toml"
    arguments = (HERE / "config" / f"{name}.arguments")
    arguments = [*(arguments.read_text().split() if arguments.exists() else []), "--source", str(archive)]
    for place in (first, second):
        (place.folder / name).mkdir()
        if config.exists():
            shutil.copyfile(config, place.folder / name / "sealwright.toml")
    code, result.first_seconds, log = run_build(program, first, name, ["--key", f"{key}.key", *arguments])
    if code != 0:
        result.verdict, result.reason = f"failed ({code})", reason(log)
        return result
    result.outputs = outputs(first.folder / name)
    lock = second.folder / name / "sealwright.lock"
    shutil.copyfile(first.folder / name / "sealwright.lock", lock)
    if os.getuid() == 0:
        for path in (lock, lock.parent):
            shutil.chown(path, USER)
    code, result.second_seconds, log = run_build(program, second, name, ["--locked", *arguments])
    if code != 0:
        result.verdict, result.reason = f"failed second ({code})", reason(log)
        return result
    again = outputs(second.folder / name)
    different = sorted(file for file in result.outputs.keys() | again.keys() if result.outputs.get(file) != again.get(file))
    result.verdict = "DIFFERENT" if different else "identical"
    result.reason = ", ".join(different)
    rebuild(program, first, name, key, result)
    return result


@contextlib.contextmanager
def places(work: Path):
    """Two places that have nothing in common but the machine."""
    first = Place(work / "first", work / "first-store", [], {}, 0o022)
    # Deeper, and with another length, so that paths in outputs show.
    second = Place(work / "another" / "folder" / "second", work / "another" / "store",
                   [], {"TZ": "Pacific/Chatham", "LC_ALL": "C.UTF-8", "HOME": str(work / "another")}, 0o077)
    for place in (first, second):
        place.folder.mkdir(parents=True, exist_ok=True)
    for file in (".config/pip/pip.conf", ".config/uv/uv.toml"):
        with contextlib.suppress(FileNotFoundError):
            copy = work / "another" / file
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(Path.home() / file, copy)
    root = os.getuid() == 0
    if root:
        subprocess.run(["userdel", USER], stderr=subprocess.DEVNULL, check=False)
        subprocess.run(["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", USER], check=True)
        second.prefix = ["unshare", "--uts", "sh", "-c", 'hostname elsewhere && exec "$@"', "sh",
                         "setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups"]
        for path in (work / "another", work / "another" / "folder", second.folder):
            shutil.chown(path, USER, USER)
    else:
        print("skipped: not root, so both builds run as one user with one host name", file=sys.stderr)
    try:
        yield first, second
    finally:
        if root:
            subprocess.run(["userdel", USER], stderr=subprocess.DEVNULL, check=False)


def row(result: Result) -> str:
    return (f"{result.name:<42} {result.verdict:<18} {result.first_seconds:>7.1f} {result.second_seconds:>7.1f}  "
            f"{result.rebuild:<12} {result.rebuild_seconds:>7.1f}  "
            f"{result.reason[:160]}")


def examples(program: Path, work: Path) -> list:
    """The rows of the examples, each built and rebuilt from its statements by `examples/run.sh`."""
    folder = HERE.parent.parent / "examples"
    store = os.environ.get("SEALWRIGHT_STORE", str(work / "first-store"))
    names = sorted({str(path.parent.relative_to(folder)) for path in folder.rglob("expected.sha256")} | {"rust-extension"})
    done = subprocess.run([folder / "run.sh", "--rebuild", *names], capture_output=True, text=True, check=False,
                          stdin=subprocess.DEVNULL, env=os.environ | {"SEALWRIGHT": str(program), "SEALWRIGHT_STORE": store})
    sys.stderr.write(done.stderr)
    lines = [line.split(" ", 3) for line in done.stdout.splitlines() if line.startswith("rebuilt ")]
    return [f"| `examples/{name}` | `{file}` | {verdict} | |" for _, name, file, verdict in lines]


def table(results: list, of_examples: list) -> str:
    """The page of what was rebuilt, in Markdown."""
    built = [result for result in results if result.outputs]
    identical = [result for result in built if result.rebuild == "identical"]
    rows = [f"| {result.name} | {', '.join(f'`{name}`' for name in sorted(result.outputs))} | {result.rebuild or 'not tried'} "
            f"| {result.reason[:200]} |" for result in sorted(built, key=lambda result: result.name)]
    failed = [f"| {result.name} | `{result.file}` | not built | {result.reason[:200]} |"
              for result in sorted(results, key=lambda result: result.name) if not result.outputs]
    return "\n".join([
        "<!-- Written by tests/corpus/run.py: `make corpus CORPUS='--table docs/rebuilt.md'`. -->",
        "# Rebuilt from statements alone",
        "",
        "Every example and every project of `tests/corpus`, built once, and then built again from the statement of each output",
        "by `sealwright rebuild`, in a folder that holds nothing else ([how](rebuild.md)).",
        "",
        f"Of {len(built)} projects that build, **{len(identical)} are identical**, all of their outputs.",
        "",
        "| project | outputs | verdict | why |",
        "| --- | --- | --- | --- |",
        *of_examples, *rows, *failed, "",
    ])


def summary(results: list, wanted: int) -> bool:
    identical = [result for result in results if result.verdict == "identical"]
    different = [result for result in results if result.verdict == "DIFFERENT"]
    slowest = sorted(identical, key=lambda result: -result.second_seconds)[:3]
    print(f"\n{len(identical)} identical, {len(different)} different, {len(results) - len(identical) - len(different)} "
          f"failed, of {len(results)}")
    rebuilt = [result for result in results if result.rebuild == "identical"]
    print(f"{len(rebuilt)} rebuilt identically from their statements alone")
    print("slowest: " + ", ".join(f"{result.name} {result.second_seconds:.1f} s" for result in slowest))
    return not different and len(identical) >= wanted and len(rebuilt) == len(identical)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", type=Path, default=shutil.which("sealwright"), help="the program to try")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these projects alone")
    parser.add_argument("--limit", type=int, help="the first N alone")
    parser.add_argument("--jobs", type=int, default=1, help="builds at the same time")
    parser.add_argument("--at-least", type=int, metavar="N",
                        help="fail unless N are identical (40 of the whole corpus, else all that are built)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there too")
    parser.add_argument("--table", type=Path, metavar="FILE", help="rebuild the examples too, and write what was rebuilt as a page")
    parser.add_argument("--work", type=Path, metavar="DIR", help="keep stores, logs and outputs here")
    options = parser.parse_args()
    if options.program is None:
        parser.error("no program: --program FILE")

    sdists = json.loads((HERE / "sdists.json").read_text())
    wanted = 40
    if options.only or options.limit:
        sdists = [sdist for sdist in sdists if not options.only or sdist["name"] in options.only][: options.limit]
        wanted = len(sdists)
    if options.at_least is not None:
        wanted = options.at_least

    with contextlib.ExitStack() as stack:
        if options.work:
            work = options.work.absolute()
            for name in ("first", "another/folder"):
                shutil.rmtree(work / name, ignore_errors=True)
        else:
            work = Path(tempfile.mkdtemp(prefix="sealwright-corpus-"))
            stack.callback(subprocess.run, ["sh", "-c", 'chmod -R u+w "$1"; rm -rf "$1"', "sh", str(work)], check=False)
        downloads = work / "sdists"
        downloads.mkdir(parents=True, exist_ok=True)
        for folder in (work, downloads):
            folder.chmod(0o755)
        program = work / "sealwright"
        shutil.copyfile(options.program, program)
        program.chmod(0o755)

        key = work / "release"
        if not key.with_suffix(".key").exists():
            subprocess.run([program, "keygen", "--no-passphrase", "--output-prefix", key], check=True, capture_output=True)
        print(f"{'name':<42} {'verdict':<18} {'first s':>7} {'again s':>7}  {'rebuild':<12} {'seconds':>7}  reason", flush=True)
        results = []
        first, second = stack.enter_context(places(work))
        with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
            tasks = [pool.submit(build_twice, program, sdist, downloads, first, second, key) for sdist in sdists]
            for task in concurrent.futures.as_completed(tasks):
                results.append(task.result())
                print(row(results[-1]), flush=True)
                if options.json:
                    options.json.write_text(json.dumps([asdict(result) for result in results], indent=1) + "\n")
        if options.table:
            options.table.write_text(table(results, examples(program, work)))
    return 0 if summary(results, wanted) else 1


if __name__ == "__main__":
    sys.exit(main())
