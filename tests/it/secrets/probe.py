"""A setup.py that looks for secrets everywhere in its box, its neighbours' memory included, and tells what it saw.

What it looks for is masked here, so that it does not find itself.
"""

import json
import os

from setuptools import setup

NEEDLES = [bytes(byte ^ 0x5A for byte in bytes.fromhex(text)) for text in @MASKED@]
# Every process has this: who does not find it cannot look.
CONTROL = b"PATH="

found, control, processes = [], [], {}


def look(where, data):
    if CONTROL in data:
        control.append(where)
    if any(needle in data for needle in NEEDLES):
        found.append(where)


def read(path):
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""


def memory(pid):
    """How many bytes of another process can be read; all of them are looked through."""
    count = 0
    try:
        with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as file:
            for line in maps:
                start, end = (int(text, 16) for text in line.split()[0].split("-"))
                try:
                    file.seek(start)
                    data = file.read(end - start)
                except (OSError, OverflowError, ValueError):
                    continue
                count += len(data)
                look(f"memory of {pid}", data)
    except OSError:
        pass
    return count


for pid in filter(str.isdigit, os.listdir("/proc")):
    folder = f"/proc/{pid}"
    for name in ("environ", "cmdline", "comm", "mountinfo", "maps"):
        look(f"{folder}/{name}", read(f"{folder}/{name}"))
    descriptors = {}
    try:
        for number in os.listdir(f"{folder}/fd"):
            try:
                descriptors[number] = os.readlink(f"{folder}/fd/{number}")
            except OSError:
                continue
            if descriptors[number].startswith("/") and os.path.isfile(f"{folder}/fd/{number}"):
                look(f"{folder}/fd/{number}", read(f"{folder}/fd/{number}"))
    except OSError:
        pass
    own = int(pid) == os.getpid()
    processes[pid] = {
        "command": read(f"{folder}/cmdline").replace(b"\0", b" ").decode(errors="replace"),
        "descriptors": descriptors,
        "memory": None if own else memory(pid),
    }
look("environment", "\n".join(f"{name}={value}" for name, value in os.environ.items()).encode())
for top in os.listdir("/"):
    if top in ("proc", "sys", "usr", "dev"):
        continue
    for folder, _, names in os.walk(f"/{top}"):
        for name in names:
            path = os.path.join(folder, name)
            if os.path.isfile(path) and os.path.getsize(path) < 1 << 20:
                look(path, read(path))
print("PROBE " + json.dumps({"found": found, "control": control, "processes": processes}), flush=True)
setup()
