"""Says what each environment of the box can import, then runs the builder's own script."""

import json
import os
import runpy
import subprocess
import sys

LOOK = r"""
import csv, importlib.machinery, importlib.metadata, json, os, re, sys
site = sys.prefix + "/lib/python%d.%d/site-packages" % sys.version_info[:2]
distributions, owned = set(), set()
for each in importlib.metadata.distributions():
    distributions.add((re.sub(r"[-_.]+", "-", each.metadata["Name"]).lower(), each.version))
    for row in csv.reader((each.read_text("RECORD") or "").splitlines()):
        owned.add(os.path.normpath(os.path.join(site, row[0])))
unowned = []
for folder, folders, names in os.walk(site):
    folders[:] = [name for name in folders if name != "__pycache__"]
    unowned += [path for name in names for path in [os.path.join(folder, name)] if path not in owned]
debian = set()
for folder in ("/usr/lib/python3/dist-packages", "/usr/local/lib/python%d.%d/dist-packages" % sys.version_info[:2]):
    if os.path.isdir(folder):
        debian |= {name.split(".")[0] for name in os.listdir(folder) if not name.endswith((".dist-info", ".egg-info", ".pth"))}
def importable(name):
    try:
        found = importlib.machinery.PathFinder.find_spec(name)
    except Exception:
        return True
    return found is not None and "dist-packages" in str(found.origin or found.submodule_search_locations)
print(json.dumps({
    "distributions": sorted(distributions), "unowned": unowned, "path": sys.path,
    "debian": sorted(name for name in debian if importable(name)), "debian_modules": len(debian),
}))
"""

seen = []
for role in ("build", "runtime", "tool"):
    python = f"/env/{role}/bin/python"
    if os.path.exists(python):
        # As code of a project runs: not isolated, so that whatever could lead elsewhere would.
        looked = subprocess.run([python, "-c", LOOK], cwd="/", check=True, stdout=subprocess.PIPE)
        seen.append({"role": role, **json.loads(looked.stdout)})
print("PROBE " + json.dumps(seen), flush=True)
runpy.run_path(os.path.join(os.path.dirname(os.path.abspath(__file__)), "built_in.py"), run_name="__main__")
