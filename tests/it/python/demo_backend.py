# A build backend (PEP 517) for tests. It says what it sees, and fails if a hook ran before in its process.
import io
import os
import tarfile

ran = []


def started(name, settings):
    if ran:
        raise AssertionError(f"{name} runs after {ran}: not a fresh process")
    ran.append(name)
    for tool in ("build", "pyproject_hooks", "packaging"):
        try:
            __import__(tool)
        except ImportError:
            continue
        raise AssertionError(f"the backend can import {tool}")
    if "crash" in (settings or {}):
        raise RuntimeError("the backend was told to crash")
    if "PATH" not in os.environ or os.getcwd() in __import__("sys").path:
        raise AssertionError("not the environment of a hook")


def get_requires_for_build_sdist(config_settings=None):
    started("get_requires_for_build_sdist", config_settings)
    return [config_settings["want"]] if "want" in (config_settings or {}) else []


def get_requires_for_build_wheel(config_settings=None):
    started("get_requires_for_build_wheel", config_settings)
    return ["Zeta>1", "alpha"] if os.path.exists("/src") and os.getcwd() == "/src" else []


def build_sdist(sdist_directory, config_settings=None):
    started("build_sdist", config_settings)
    with tarfile.open(os.path.join(sdist_directory, "demo-1.0.tar.gz"), "w:gz") as archive:
        info = tarfile.TarInfo("demo-1.0/PKG-INFO")
        archive.addfile(info, io.BytesIO(b""))
        archive.add("pyproject.toml", "demo-1.0/pyproject.toml")
        if os.path.exists("backend"):
            archive.add("backend", "demo-1.0/backend")
    return "demo-1.0.tar.gz"


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    started("build_wheel", config_settings)
    name = "demo-1.0-py3-none-any.whl"
    with open(os.path.join(wheel_directory, name), "w") as wheel:
        environ = [os.environ[each] for each in ("SOURCE_DATE_EPOCH", "TZ", "LC_ALL")]
        wheel.write(" ".join([os.getcwd(), *environ]))
    return name
