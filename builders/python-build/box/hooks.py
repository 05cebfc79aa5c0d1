"""Calls the build backend's hooks: the `runner` of `build.ProjectBuilder`, and what `build.py` and `requires.py` share.

The frontend runs in the tool environment, the backend in the build environment: a backend can import neither
`build` nor `pyproject_hooks`.
"""

import json
import os
import subprocess
import sys

BUILD_PYTHON = "/env/build/bin/python"
OUT = "/out"
RESULT = OUT + "/result.json"
HERE = os.path.dirname(os.path.abspath(__file__))


class Backend:
    """The build environment's interpreter, kept warm by `server.py` where that equals starting it anew."""

    def __init__(self, source, name, in_tree):
        """Starts importing the backend `name` of the project in `source` at once. An `in_tree` backend (`backend-path`) belongs to one source
        tree, and is never kept warm."""
        self._server = self._calls = self._answers = None
        self._ready = None
        if in_tree or os.environ.get("SEALWRIGHT_PLAIN_HOOKS"):
            self._ready = False
            return
        calls_read, self._calls = os.pipe()
        self._answers, answers_write = os.pipe()
        self._server = subprocess.Popen(
            [BUILD_PYTHON, HERE + "/server.py", str(calls_read), str(answers_write)],
            cwd=source,
            env={**os.environ, "_PYPROJECT_HOOKS_BUILD_BACKEND": name},
            pass_fds=(calls_read, answers_write),
        )
        os.close(calls_read)
        os.close(answers_write)

    def run(self, cmd, cwd=None, extra_environ=None):
        """A runner in the sense of pyproject_hooks: `cmd` is python, script, hook and folder."""
        environ = dict(extra_environ or {})
        if self._is_ready():
            call = {"argv": list(cmd[1:]), "cwd": cwd or os.getcwd(), "environ": environ}
            os.write(self._calls, json.dumps(call).encode() + b"\n")
            answer = self._read_line()
            if not answer:
                raise subprocess.CalledProcessError(self._server.wait() or 1, cmd)
            if int(answer):
                raise subprocess.CalledProcessError(int(answer), cmd)
        else:
            subprocess.run(cmd, cwd=cwd, env={**os.environ, **environ}, check=True)

    def _is_ready(self):
        if self._ready is None:
            self._ready = self._read_line() == b"ready"
        return self._ready

    def _read_line(self):
        line = b""
        while not line.endswith(b"\n"):
            part = os.read(self._answers, 64)
            if not part:
                return b""
            line += part
        return line[:-1]


def step(text):
    """A line of the frontend's own in the log, as `python -m build` writes them."""
    print("* " + text, file=sys.stderr, flush=True)


def start_backend(source):
    """Reads the project's `build-system` table as far as needed to start its backend."""
    import tomllib

    try:
        with open(source + "/pyproject.toml", "rb") as file:
            table = tomllib.load(file).get("build-system", {})
    except (OSError, ValueError):
        table = {}
    # `build` validates the table later, with its own messages; what is odd gets no head start here.
    name = table.get("build-backend", "setuptools.build_meta:__legacy__") if isinstance(table, dict) else None
    return Backend(source, name, not isinstance(name, str) or bool(table.get("backend-path")))


def finish(result, code):
    """Leaves `result` for the control plane, which trusts nothing in it, and ends this process."""
    with open(RESULT, "w", encoding="utf-8") as file:
        json.dump(result, file)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
