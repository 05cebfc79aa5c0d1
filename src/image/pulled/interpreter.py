# Run in the box by the image's own Python, to say what it is. Nothing but its own library is imported.
import json
import os
import sys
import sysconfig

try:
    libc = os.confstr("CS_GNU_LIBC_VERSION")
except (AttributeError, OSError, ValueError):
    libc = None
answer = {
    "implementation": sys.implementation.name,
    "version": list(sys.version_info[:2]),
    "libc": libc,
    "soabi": sysconfig.get_config_var("SOABI"),
    "no_gil": bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
    "own": sys.prefix == sys.base_prefix,
}
with open("/out/answer.json", "w") as file:
    json.dump(answer, file)
