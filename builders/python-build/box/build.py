"""Makes an sdist and a wheel as `python -m build` does, with all requirements already in place.

Argument: one JSON object:
  source            the project's folder: /src or one below it
  distributions     `[]`: an sdist, then a wheel from the unpacked sdist; else which of `sdist` and `wheel` to make
                    from the source itself
  config-settings   for the backend, text or list of texts by name
  requires          what each hook asked for when the lock was made, by hook
Writes the distributions to /out/outputs and what happened to /out/result.json. Exit status: 0 built, 1 the build
failed, 3 the backend asks for what the lock does not hold.
"""

import json
import os
import sys

sys.path.append(os.path.dirname(os.path.abspath(__file__)))
import hooks

OUTPUTS = hooks.OUT + "/outputs"
UNPACKED = os.path.join(os.environ.get("TMPDIR", "/tmp"), "build-via-sdist")


def unpack(sdist):
    """Unpacks `sdist` to a fixed folder (compilers write paths into what they make) and returns its top folder."""
    import tarfile

    from packaging.utils import InvalidSdistFilename, parse_sdist_filename

    import build

    name = os.path.basename(sdist)
    try:
        parse_sdist_filename(name)
        with tarfile.open(sdist) as archive:
            members = archive.getmembers()
            tops = {member.name.split("/", 1)[0] for member in members} - {""}
            if len(tops) != 1 or not any(m.isfile() and m.name == f"{min(tops)}/PKG-INFO" for m in members):
                raise build.BuildException(f"{name} does not hold one top folder with a PKG-INFO")
            if hasattr(tarfile, "data_filter"):
                archive.extractall(UNPACKED, filter="data")
            else:
                archive.extractall(UNPACKED)
    except (InvalidSdistFilename, ValueError, OSError, tarfile.TarError) as error:
        raise build.BuildException(f"the backend made an unreadable sdist {name}: {error}") from error
    return os.path.join(UNPACKED, min(tops))


def missing(requirements):
    """Those of `requirements` that the build environment does not satisfy, with what it has instead."""
    from importlib.metadata import distributions

    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    version = "python%d.%d" % sys.version_info[:2]
    path = [f"/env/build/lib/{version}/site-packages"]
    installed = {canonicalize_name(each.metadata["Name"]): each.version for each in distributions(path=path)}
    found = []
    for text in requirements:
        requirement = Requirement(text)
        if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            continue
        have = installed.get(canonicalize_name(requirement.name))
        if have is None or not requirement.specifier.contains(have, prereleases=True):
            found.append({"requirement": text, "installed": have})
    return found


class Stale(Exception):
    """The backend asks for what the lock does not hold."""


def make(backend, distribution, source, request):
    """Makes one distribution, as `python -m build` does: first ask what it requires, then build."""
    import build

    builder = build.ProjectBuilder(source, python_executable=hooks.BUILD_PYTHON, runner=backend.run)
    settings = request["config-settings"]
    hook = f"get_requires_for_build_{distribution}"
    hooks.step(f"Getting build dependencies for {distribution}...")
    requires = sorted(builder.get_requires_for_build(distribution, settings))
    if requires != request["requires"].get(hook):
        lacking = missing(requires)
        if lacking:
            raise Stale({"status": "stale", "hook": hook, "requires": requires, "missing": lacking})
    hooks.step(f"Building {distribution}...")
    return builder.build(distribution, OUTPUTS, settings)


def main():
    request = json.loads(sys.argv[1])
    os.makedirs(OUTPUTS, exist_ok=True)
    backend = hooks.start_backend(request["source"])

    import build

    try:
        if request["distributions"]:
            built = [make(backend, each, request["source"], request) for each in request["distributions"]]
        else:
            sdist = make(backend, "sdist", request["source"], request)
            unpacked = unpack(sdist)
            hooks.step("Building wheel from sdist")
            built = [sdist, make(backend, "wheel", unpacked, request)]
    except Stale as error:
        hooks.finish(error.args[0], 3)
    except (build.BuildException, build.BuildBackendException, build.FailedProcessError) as error:
        print(f"ERROR {error}", file=sys.stderr)
        hooks.finish({"status": "failed", "message": str(error)}, 1)
    hooks.finish({"status": "built", "outputs": [os.path.basename(each) for each in built]}, 0)


if __name__ == "__main__":
    main()
