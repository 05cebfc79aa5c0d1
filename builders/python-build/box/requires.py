"""Asks the build backend what it requires to build, for the lock.

Argument: one JSON object with `source` (the project's folder), `distributions` (which of `sdist` and `wheel`) and `config-settings`.
Writes `{"status": "asked", "requires": {HOOK: [REQUIREMENT, …]}}` to /out/result.json. Exit status: 0, or 1 if
the backend failed.
"""

import json
import os
import sys

sys.path.append(os.path.dirname(os.path.abspath(__file__)))
import hooks


def main():
    request = json.loads(sys.argv[1])
    backend = hooks.start_backend(request["source"])

    import build

    requires = {}
    try:
        builder = build.ProjectBuilder(request["source"], python_executable=hooks.BUILD_PYTHON, runner=backend.run)
        for distribution in request["distributions"]:
            hooks.step(f"Getting build dependencies for {distribution}...")
            asked = builder.get_requires_for_build(distribution, request["config-settings"])
            requires[f"get_requires_for_build_{distribution}"] = sorted(asked)
    except (build.BuildException, build.BuildBackendException, build.FailedProcessError) as error:
        print(f"ERROR {error}", file=sys.stderr)
        hooks.finish({"status": "failed", "message": str(error)}, 1)
    hooks.finish({"status": "asked", "requires": requires}, 0)


if __name__ == "__main__":
    main()
