"""Packs files of the project and the installed run-time distributions into one zip or tar.gz.

Argument: one JSON object:
  source  the project's folder: /src or one below it
  files   patterns below it, in their order: a pattern takes the files that it matches and all that is below a folder
          that it matches; one that begins with `!` leaves them out again. The last one that matches decides
  format  `zip` or `tar.gz`
  output  the archive's file name
Writes the archive to /out/outputs and what happened to /out/result.json. Exit status: 0 built, 1 the build failed.
"""

import csv
import gzip
import io
import json
import os
import re
import stat
import sys
import tarfile
import time
import zipfile

OUT = "/out"
RUNTIME = "/env/runtime/lib/python%d.%d/site-packages" % sys.version_info[:2]
# zip has no time before this.
ZIP_FIRST = (1980, 1, 1, 0, 0, 0)


class Refused(Exception):
    """The bundle cannot be made; the text says why."""


def pattern(text):
    """A pattern as a regular expression: `**` stands for any folders, `*` and `?` for signs of one name, `[...]` for one of a set."""
    parts, at = [], 0
    text = text.rstrip("/")
    while at < len(text):
        if text.startswith("**/", at):
            parts.append("(?:[^/]+/)*")
            at += 3
        elif text.startswith("**", at):
            parts.append(".*")
            at += 2
        elif text[at] == "*":
            parts.append("[^/]*")
            at += 1
        elif text[at] == "?":
            parts.append("[^/]")
            at += 1
        elif text[at] == "[" and "]" in text[at + 2 :]:
            end = text.index("]", at + 2)
            inside = text[at + 1 : end].replace("\\", "\\\\").replace("[", "\\[")
            parts.append("[^/" + inside[1:] + "]" if inside[0] == "!" else "[" + inside + "]")
            at = end + 1
        else:
            parts.append(re.escape(text[at]))
            at += 1
    # A folder that matches takes all that is below it.
    return re.compile("".join(parts) + "(?:/.*)?", re.DOTALL)


def project_files(source):
    """Every file below `source` by its path, without the repository itself."""
    found = {}
    for folder, folders, names in os.walk(source):
        if folder == source and ".git" in folders:
            folders.remove(".git")
        below = os.path.relpath(folder, source)
        for name in names + [each for each in folders if os.path.islink(os.path.join(folder, each))]:
            found[os.path.normpath(os.path.join(below, name))] = os.path.join(folder, name)
    return found


def chosen(source, patterns):
    """The files that `patterns` choose, by their path in the bundle."""
    rules = [(text.startswith("!"), text, pattern(text.lstrip("!"))) for text in patterns]
    used, files = set(), {}
    for path, file in project_files(source).items():
        take = False
        for leave, text, rule in rules:
            if rule.fullmatch(path):
                take = not leave
                used.add(text)
        if take:
            files[path] = real(source, path, file)
    unused = [text for leave, text, _ in rules if not leave and text not in used]
    if unused:
        raise Refused("no file of the project matches " + ", ".join(map(repr, unused)))
    if not files:
        raise Refused("the patterns of `files` leave no file of the project")
    return files


def real(source, path, file):
    """The file that a path of the project stands for: links are followed inside the project, and only to files."""
    target = os.path.realpath(file)
    if not target.startswith(source + "/") or not stat.S_ISREG(os.lstat(target).st_mode if os.path.lexists(target) else 0):
        raise Refused(f"{path} is a link to something that is no file of the project")
    return target


def distributions():
    """Every installed file by its path in the bundle, with the distribution that brought it. No byte code: it would name
    this box's paths, and the interpreter that runs the bundle may be another."""
    installed, owner = {}, {}
    for folder, folders, names in os.walk(RUNTIME):
        if "__pycache__" in folders:
            folders.remove("__pycache__")
        for name in names:
            file = os.path.join(folder, name)
            installed[os.path.relpath(file, RUNTIME)] = file
    for path, file in installed.items():
        info = path.split("/", 1)[0]
        if path == info + "/RECORD" and info.endswith(".dist-info"):
            with open(file, encoding="utf-8", newline="") as lines:
                owner.update({row[0]: info.removesuffix(".dist-info") for row in csv.reader(lines) if row})
    return installed, owner


def record(file, paths):
    """A RECORD without what is not in the bundle: scripts, which name this box's interpreter, and data files."""
    with open(file, encoding="utf-8", newline="") as lines:
        rows = [row for row in csv.reader(lines) if row and row[0] in paths]
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


def content(path, file, installed):
    """Bytes and mode of one file of the bundle."""
    if path in installed and path.endswith(".dist-info/RECORD") and path.count("/") == 1:
        return record(file, installed), 0o644
    with open(file, "rb") as opened:
        executable = os.fstat(opened.fileno()).st_mode & stat.S_IXUSR
        return opened.read(), 0o755 if executable else 0o644


def merged(project, installed, owner):
    """Project and distributions together; no path twice, and no file where the other has a folder."""
    clashes = []
    folders = {}
    for path in list(project) + list(installed):
        above = os.path.dirname(path)
        while above and above not in folders:
            folders[above] = path
            above = os.path.dirname(above)
    for path in sorted(project):
        if path in installed:
            clashes.append(f"{path} is a file of the project and of {owner.get(path, 'a distribution')}")
    for mine, other in ((project, installed), (installed, project)):
        clashes += [f"{path} is a file, and a folder for {folders[path]}" for path in sorted(mine) if path in folders]
    if clashes:
        raise Refused("; ".join(clashes))
    return {**installed, **project}


def write_zip(to, members, epoch):
    moment = max(time.gmtime(epoch)[:6], ZIP_FIRST)
    with zipfile.ZipFile(to, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, (data, mode) in members:
            info = zipfile.ZipInfo(path, moment)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.create_system = 3
            info.external_attr = (stat.S_IFREG | mode) << 16
            archive.writestr(info, data)


def write_tar_gz(to, members, epoch):
    with (
        open(to, "wb") as file,
        gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for path, (data, mode) in members:
            info = tarfile.TarInfo(path)
            info.size, info.mode, info.mtime = len(data), mode, epoch
            archive.addfile(info, io.BytesIO(data))


def main():
    request = json.loads(sys.argv[1])
    os.makedirs(OUT + "/outputs", exist_ok=True)
    result, code = {"status": "built", "outputs": [request["output"]]}, 0
    try:
        project = chosen(request["source"], request["files"])
        installed, owner = distributions()
        files = merged(project, installed, owner)
        order = sorted(files, key=lambda path: path.split("/"))
        print(f"* Bundling {len(project)} files of the project and {len(installed)} of its distributions", file=sys.stderr)
        members = ((path, content(path, files[path], installed)) for path in order)
        write = {"zip": write_zip, "tar.gz": write_tar_gz}[request["format"]]
        write(OUT + "/outputs/" + request["output"], members, int(os.environ["SOURCE_DATE_EPOCH"]))
    except Refused as error:
        print(f"ERROR {error}", file=sys.stderr)
        result, code = {"status": "failed", "message": str(error)}, 1
    with open(OUT + "/result.json", "w", encoding="utf-8") as file:
        json.dump(result, file)
    sys.exit(code)


if __name__ == "__main__":
    main()
