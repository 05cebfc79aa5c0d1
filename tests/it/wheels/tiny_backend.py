"""A build backend without requirements: one module, named after the project, which says what could be imported."""

import base64
import hashlib
import importlib
import os
import tomllib
import zipfile


def get_requires_for_build_wheel(config_settings=None):
    with open("pyproject.toml", "rb") as file:
        return tomllib.load(file).get("tool", {}).get("tiny", {}).get("hook", [])


def build_sdist(sdist_directory, config_settings=None):
    raise SystemExit("not asked for")


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    with open("pyproject.toml", "rb") as file:
        project = tomllib.load(file)
    name, version = project["project"]["name"], project["project"]["version"]
    tiny = project.get("tool", {}).get("tiny", {})
    said = [importlib.import_module(each).SAID for each in tiny.get("imports", [])]
    if tiny.get("fails"):
        raise SystemExit(tiny["fails"])
    if tiny.get("random"):
        said.append(os.urandom(4).hex())
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": f"SAID = {[name, *said]!r}\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tiny\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = ""
    for path, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")
        record += f"{path},sha256={digest},{len(text)}\n"
    files[f"{info}/RECORD"] = record + f"{info}/RECORD,,\n"
    wheel = f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(wheel_directory, wheel), "w", zipfile.ZIP_DEFLATED) as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    return wheel
