"""Makes one executable of a script, or of a PyInstaller spec file, and packs it.

Argument: one JSON object:
  source   the project's folder: /src or one below it
  options  what builder.toml declares below `[options]`, checked there
  name     what the executable is called
  format   `tar.gz`, `zip`, or `file`: the executable itself
  output   the output's file name
Writes the output to /out/outputs and what happened to /out/result.json. Exit status: 0 built, 1 the build failed.
"""

import gzip
import io
import json
import os
import shutil
import stat
import subprocess
import sys
import tarfile
import time
import zipfile

OUT = "/out"
VERSION = "python%d.%d" % sys.version_info[:2]
TOOL = f"/env/tool/lib/{VERSION}/site-packages"
RUNTIME = f"/env/runtime/lib/{VERSION}/site-packages"
WORK = os.path.join(os.environ.get("TMPDIR", "/tmp"), "pyinstaller")
# zip has no time before this.
ZIP_FIRST = (1980, 1, 1, 0, 0, 0)
# Options that a spec file decides itself.
OF_SCRIPTS = (
    "one-file", "data", "binaries", "paths", "hidden-imports", "collect", "copy-metadata", "exclude", "hooks",
    "runtime-hooks", "icon", "windowed", "strip", "optimize",
)


class Refused(Exception):
    """The executable cannot be made; the text says why."""


def inside(source, path, what):
    """A path of the project, whole."""
    whole = os.path.realpath(os.path.join(source, path))
    if whole != source and not whole.startswith(source.rstrip("/") + "/"):
        raise Refused(f"{what}: {path} leads out of the project")
    if not os.path.exists(whole):
        raise Refused(f"{what}: the project has no {path}")
    return whole


def pair(source, text, what):
    """`FROM`, or `FROM:TO` with a folder of the application: what PyInstaller takes, with a whole path."""
    origin, colon, target = text.partition(":")
    if colon and (not target or target.startswith("/") or ".." in target.split("/")):
        raise Refused(f"{what}: {text}: expected FROM, or FROM:FOLDER with a folder of the application")
    path = inside(source, origin.rstrip("/"), what)
    default = origin.rstrip("/") if os.path.isdir(path) else os.path.dirname(origin)
    return f"{path}:{target or default or '.'}"


def modules(folder):
    """Names that can be imported from a folder."""
    names = os.listdir(folder) if os.path.isdir(folder) else []
    return {name.split(".", 1)[0] for name in names if not name.endswith((".dist-info", ".pth", ".data")) and name != "__pycache__"}


def arguments(request):
    """PyInstaller's arguments."""
    source, options = request["source"], request["options"]
    script = inside(source, options["script"], "script")
    common = ["--noconfirm", "--clean", "--log-level", "WARN", "--distpath", f"{WORK}/dist", "--workpath", f"{WORK}/work"]
    if script.endswith(".spec"):
        chosen = [name for name in OF_SCRIPTS if options.get(name) not in (None, [], False)]
        if chosen:
            raise Refused(f"{options['script']} decides what is collected; leave out {', '.join(chosen)}, or name a script")
        return [*common, script]
    if request["format"] == "file" and options.get("one-file") is False:
        raise Refused("format \"file\" is for one executable, and one-file = false makes a folder: choose tar.gz or zip")
    found = [*common, "--specpath", f"{WORK}/spec", "--name", request["name"], "--noupx", "--paths", source]
    found.append("--onedir" if options.get("one-file") is False else "--onefile")
    found.append("--windowed" if options.get("windowed") else "--console")
    if options.get("strip"):
        found.append("--strip")
    if options.get("optimize"):
        found += ["--optimize", options["optimize"]]
    if options.get("icon"):
        found += ["--icon", inside(source, options["icon"], "icon")]
    for option, name in (("--add-data", "data"), ("--add-binary", "binaries")):
        for text in options.get(name, []):
            found += [option, pair(source, text, name)]
    for option, name in (("--paths", "paths"), ("--additional-hooks-dir", "hooks"), ("--runtime-hook", "runtime-hooks")):
        for text in options.get(name, []):
            found += [option, inside(source, text, name)]
    for option, name in (
        ("--hidden-import", "hidden-imports"),
        ("--collect-all", "collect"),
        ("--copy-metadata", "copy-metadata"),
        ("--exclude-module", "exclude"),
    ):
        for text in options.get(name, []):
            found += [option, text]
    return [*found, script]


# Runs PyInstaller so that no analysis, of a script or in a spec file, takes what only the tools brought: what is not locked
# as a run-time dependency is no part of the application. The project's folders come last, so that they hide nothing from the
# tools; packages that are collected whole are looked for there.
RUN = """
import json, sys
from PyInstaller import __main__
from PyInstaller.building import build_main

left_out, folders = json.loads(sys.argv.pop(1))
sys.path += folders

class Analysis(build_main.Analysis):
    def __init__(self, *positional, **named):
        named["excludes"] = [*(named.get("excludes") or []), *left_out]
        super().__init__(*positional, **named)

build_main.Analysis = Analysis
__main__.run(sys.argv[1:])
"""


def build(request):
    """Runs PyInstaller; the path of what it made."""
    left_out = sorted(modules(TOOL) - modules(RUNTIME))
    source, options = request["source"], request["options"]
    folders = [source, *(inside(source, path, "paths") for path in options.get("paths", []))]
    environment = dict(os.environ, PYINSTALLER_CONFIG_DIR=f"{WORK}/cache", PYTHONPATH=RUNTIME)
    os.makedirs(f"{WORK}/dist")
    done = subprocess.run(
        ["/env/tool/bin/python", "-P", "-c", RUN, json.dumps([left_out, folders]), *arguments(request)],
        cwd=request["source"], env=environment, check=False,
    )
    if done.returncode:
        raise Refused(f"PyInstaller failed with status {done.returncode}; its messages are above")
    made = sorted(os.listdir(f"{WORK}/dist"))
    if len(made) != 1:
        raise Refused(f"expected one executable or folder, and there are {len(made)}: {', '.join(made) or 'none'}")
    return f"{WORK}/dist/{made[0]}"


def members(path):
    """What is packed: (path in the archive, path here), in the order of their names."""
    top = os.path.basename(path)
    if not os.path.isdir(path):
        return [(top, path)]
    found = []
    for folder, folders, names in os.walk(path):
        links = [name for name in folders if os.path.islink(os.path.join(folder, name))]
        for name in names + links:
            file = os.path.join(folder, name)
            found.append((os.path.join(top, os.path.relpath(file, path)), file))
    return sorted(found, key=lambda each: each[0].split("/"))


def mode(file):
    return 0o755 if os.stat(file).st_mode & stat.S_IXUSR else 0o644


def write_zip(to, files, epoch):
    moment = max(time.gmtime(epoch)[:6], ZIP_FIRST)
    with zipfile.ZipFile(to, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, file in files:
            info = zipfile.ZipInfo(name, moment)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.create_system = 3
            if os.path.islink(file):
                info.external_attr = (stat.S_IFLNK | 0o777) << 16
                archive.writestr(info, os.readlink(file))
                continue
            info.external_attr = (stat.S_IFREG | mode(file)) << 16
            with open(file, "rb") as content, archive.open(info, "w") as member:
                shutil.copyfileobj(content, member)


def write_tar_gz(to, files, epoch):
    with (
        open(to, "wb") as out,
        # Lightly: what is in it is compressed already, and the control plane compresses the archive anew.
        gzip.GzipFile(filename="", mode="wb", compresslevel=1, fileobj=out, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for name, file in files:
            info = tarfile.TarInfo(name)
            info.mtime = epoch
            if os.path.islink(file):
                info.type, info.linkname, info.mode = tarfile.SYMTYPE, os.readlink(file), 0o777
                archive.addfile(info, io.BytesIO())
                continue
            info.size, info.mode = os.stat(file).st_size, mode(file)
            with open(file, "rb") as content:
                archive.addfile(info, content)


def pack(made, request):
    """The output, from what PyInstaller made."""
    to, epoch = f"{OUT}/outputs/{request['output']}", int(os.environ["SOURCE_DATE_EPOCH"])
    if request["format"] == "file":
        if os.path.isdir(made):
            raise Refused("format \"file\" is for one executable, and the spec file makes a folder: choose tar.gz or zip")
        shutil.copyfile(made, to)
        os.chmod(to, 0o755)
        return
    {"zip": write_zip, "tar.gz": write_tar_gz}[request["format"]](to, members(made), epoch)


def main():
    request = json.loads(sys.argv[1])
    os.makedirs(OUT + "/outputs", exist_ok=True)
    result, code = {"status": "built", "outputs": [request["output"]]}, 0
    try:
        pack(build(request), request)
    except Refused as error:
        print(f"ERROR {error}", file=sys.stderr)
        result, code = {"status": "failed", "message": str(error)}, 1
    with open(OUT + "/result.json", "w", encoding="utf-8") as file:
        json.dump(result, file)
    sys.exit(code)


if __name__ == "__main__":
    main()
