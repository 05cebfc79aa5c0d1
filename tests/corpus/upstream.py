#!/usr/bin/env python3
"""Rebuilds the published pure-Python wheels of the corpus from their sdists, and writes what came out as a table.

Each wheel is the one that the index has of the sdist's version. Nothing is known of a project but what its sdist, its
wheel and the index say: `sealwright rebuild --upstream SDIST --against WHEEL`.
"""

import argparse
import collections
import concurrent.futures
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.parse
from dataclasses import asdict, dataclass, field
from pathlib import Path

import index

HERE = Path(__file__).resolve().parent
TIME_LIMIT = 20 * 60


@dataclass
class Result:
    name: str
    wheel: str
    verdict: str = "not built"
    seconds: float = 0.0
    normalizations: list = field(default_factory=list)
    causes: list = field(default_factory=list)
    changes: list = field(default_factory=list)
    pins: list = field(default_factory=list)
    cutoff: str = ""
    reason: str = ""


def normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def wheel_of(url: str, name: str, sdist: str) -> dict:
    """The pure-Python wheel of the sdist's version, or nothing."""
    page_url = f"{url}/{normalized(name)}/"
    files = json.loads(index.get(page_url, index.SIMPLE_JSON))["files"]
    version = sdist.removesuffix(".tar.gz").removesuffix(".zip").rpartition("-")[2]
    for file in files:
        parts = file["filename"].removesuffix(".whl").split("-")
        if file["filename"].endswith("-none-any.whl") and parts[1] == version:
            return file | {"url": urllib.parse.urljoin(page_url, file["url"])}
    return {}


def download(file: dict, folder: Path) -> Path:
    path = folder / file["filename"]
    if not path.exists():
        body = index.get(file["url"])
        if hashlib.sha256(body).hexdigest() != file["hashes"]["sha256"]:
            raise ValueError(f"{file['filename']} is not what the index says")
        path.write_bytes(body)
    return path


def rebuild(program: Path, store: Path, sdist: Path, wheel: Path, result: Result) -> None:
    env = {key: value for key, value in os.environ.items() if not key.startswith("SEALWRIGHT_")}
    env |= {"SEALWRIGHT_STORE": str(store), "NO_COLOR": "1"}
    start = time.monotonic()
    try:
        done = subprocess.run(
            [str(program), "rebuild", "--upstream", str(sdist), "--against", str(wheel), "--json"],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, env=env, timeout=TIME_LIMIT, check=False,
        )
    except subprocess.TimeoutExpired:
        result.reason = f"not done after {TIME_LIMIT} s"
        return
    result.seconds = time.monotonic() - start
    try:
        said = json.loads(done.stdout)
    except ValueError:
        said = {"error": done.stderr.strip().splitlines()[-1:] or "no output"}
    if "verdict" not in said:
        result.reason = str(said.get("error")).splitlines()[0][:200]
        return
    result.verdict = said["verdict"]
    result.normalizations = said.get("normalizations", [])
    result.pins = said["upstream"]["pins"]
    result.cutoff = said["upstream"]["cutoff"] or ""
    changes = [change for change in said.get("changes", []) if change.get("normalization") is None]
    result.changes = [[change["kind"], " → ".join(change["path"]), change["causes"]] for change in changes]
    causes = collections.Counter(cause for change in changes for cause in change["causes"])
    result.causes = [cause for cause, _ in causes.most_common() if cause != "consequence"]


def one(program: Path, store: Path, url: str, sdist: dict, folder: Path) -> Result:
    result = Result(sdist["name"], "")
    try:
        wheel = wheel_of(url, sdist["name"], sdist["file"])
        if not wheel:
            result.verdict = "no pure wheel"
            return result
        result.wheel = wheel["filename"]
        archive = index.download(sdist["name"], sdist["file"], sdist["sha256"], folder)
        path = download(wheel, folder)
    except (OSError, ValueError, LookupError, KeyError) as error:
        result.reason = f"download: {error}"
        return result
    rebuild(program, store, archive, path, result)
    return result


def why(result: Result) -> str:
    if result.verdict == "equal":
        return "after " + ", ".join(result.normalizations)
    if result.verdict == "different":
        members = [f"`{path.rpartition('/')[2]}` {kind} ({', '.join(causes)})"
                   for kind, path, causes in result.changes if causes != ["consequence"]]
        more = f" and {len(members) - 3} more" if len(members) > 3 else ""
        return "; ".join(members[:3]) + more
    return result.reason


def table(results: list) -> str:
    built = [result for result in results if result.verdict != "no pure wheel"]
    count = collections.Counter(result.verdict for result in built)
    good = count["identical"] + count["equal"]
    lines = [
        "<!-- Written by tests/corpus/upstream.py: `make upstream`. -->",
        "# Published wheels, rebuilt from their sdists",
        "",
        "`sealwright rebuild --upstream SDIST --against WHEEL` over the pure-Python wheels of the projects in `tests/corpus`.",
        "Nothing is tuned by name: the build requirements come from the sdist, from what the wheel says of its generator, and",
        "from the time at which the index took it ([how](rebuild.md#what-has-no-statement)).",
        "",
        f"Of {len(built)} wheels **{good} ({100 * good // max(len(built), 1)} %) are identical or equal**: "
        f"{count['identical']} identical, {count['equal']} equal after the normalizations named "
        f"([what they are](reference/diff.md)), {count['different']} different, {count['not built']} could not be built.",
        "",
        "| wheel | verdict | built with | why |",
        "| --- | --- | --- | --- |",
    ]
    order = ["identical", "equal", "different", "not built"]
    for result in sorted(built, key=lambda result: (order.index(result.verdict), result.name)):
        pins = ", ".join(f"`{pin}`" for pin in result.pins) or "what the sdist asks for"
        lines.append(f"| `{result.wheel}` | {result.verdict} | {pins} | {why(result).replace('|', chr(92) + '|')} |")
    return "\n".join(lines) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", type=Path, default=shutil.which("sealwright"), help="the program to try")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these projects alone")
    parser.add_argument("--limit", type=int, help="the first N alone")
    parser.add_argument("--jobs", type=int, default=1, help="rebuilds at the same time")
    parser.add_argument("--at-least", type=int, metavar="PERCENT", default=75, help="fail unless as many are identical or equal")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there")
    parser.add_argument("--table", type=Path, metavar="FILE", help="write the table there")
    parser.add_argument("--work", type=Path, metavar="DIR", help="keep store and downloads here")
    parser.add_argument("--store", type=Path, metavar="DIR", help="use this store")
    parser.add_argument("--sdists", type=Path, metavar="FILE", default=HERE / "sdists.json", help="other projects")
    options = parser.parse_args()
    if options.program is None:
        parser.error("no program: --program FILE")
    sdists = json.loads(options.sdists.read_text())
    sdists = [sdist for sdist in sdists if not options.only or sdist["name"] in options.only][: options.limit]
    work = options.work or Path(tempfile.mkdtemp(prefix="sealwright-upstream-"))
    store = options.store or work / "store"
    folder = work / "downloads"
    folder.mkdir(parents=True, exist_ok=True)
    url = index.index_url()
    results = []
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        tasks = [pool.submit(one, options.program, store, url, sdist, folder) for sdist in sdists]
        for task in concurrent.futures.as_completed(tasks):
            result = task.result()
            results.append(result)
            print(f"{result.name:<42} {result.verdict:<14} {result.seconds:>6.1f}  {why(result)[:150]}", flush=True)
            if options.json:
                options.json.write_text(json.dumps([asdict(result) for result in results], indent=1) + "\n")
    if options.table:
        options.table.write_text(table(results))
    built = [result for result in results if result.verdict != "no pure wheel"]
    good = sum(result.verdict in ("identical", "equal") for result in built)
    print(f"\n{good} of {len(built)} identical or equal")
    return 0 if good * 100 >= options.at_least * len(built) else 1


if __name__ == "__main__":
    sys.exit(main())
