"""Writes what it sees of the conditions of leaks.txt into a module each."""

import getpass
import os
import socket
import sys
import time

from setuptools import setup

umask = os.umask(0)
os.umask(umask)
SEEN = {
    "user": lambda: (getpass.getuser(), os.getuid(), os.path.expanduser("~")),
    "folder": os.getcwd,
    "cores": lambda: len(os.sched_getaffinity(0)),
    # The size of a folder, which each file system has its own idea of.
    "file-system": lambda: os.stat("many").st_size,
    "directory-order": lambda: os.listdir("many"),
    "host-name": socket.gethostname,
    "locale": lambda: os.environ["LC_ALL"],
    "time-zone": lambda: time.strftime("%z", time.localtime(0)),
    "umask": lambda: umask,
    "hash-seed": lambda: hash("sealwright"),
    "wall-clock": lambda: (int(time.time()), time.time_ns() // 10**9, time.strftime("%Y")),
    "random": lambda: os.urandom(8),
}

with open("leaks.txt", encoding="utf-8") as file:
    leaks = file.read().split()
if "fails-elsewhere" in leaks and socket.gethostname() != "sealwright":
    sys.exit("this builds on one machine only")
os.makedirs("src/leaky", exist_ok=True)
for name in ["__init__", *leaks]:
    with open(f"src/leaky/{name.replace('-', '_')}.py", "w", encoding="utf-8") as file:
        file.write(f"SEEN = {SEEN.get(name, str)()!r}\n")
setup(name="leaky", version="1", package_dir={"": "src"}, packages=["leaky"])
