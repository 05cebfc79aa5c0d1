"""Holds the build backend imported and answers each hook call with a fresh child of itself.

PEP 517 asks for a fresh process for each hook ("each hook should be called in a fresh subprocess"). A fork made
right after the backend module was imported is one: no hook has run in it. It only spares what every hook would do
first: the interpreter's start and `import BACKEND`.

Runs under the build environment's interpreter, started by `hooks.py`, with the folder, environment and flags that
pyproject_hooks gives to its own script. Arguments: the file descriptors for calls and for answers.
Where a fork could differ from a new interpreter (the import fails, warns or starts threads) the answer is `plain`,
and `hooks.py` starts new interpreters instead.
"""

import os
import sys

del sys.path[0]  # this file's folder

# What pyproject_hooks' own script imports before the backend, and nothing else.
import json
import warnings
from importlib import import_module
from importlib.machinery import SourceFileLoader
from types import ModuleType


def import_backend():
    """Imports the backend. True if a fork from here on equals a new interpreter that did the same."""
    try:
        with warnings.catch_warnings(record=True) as warned:
            import_module(os.environ["_PYPROJECT_HOOKS_BUILD_BACKEND"].partition(":")[0])
    except BaseException:
        return False
    return not warned and len(os.listdir("/proc/self/task")) == 1


def serve(calls, answers):
    """Answers calls until their end. Returns in a child only, with the code that the child has to run."""
    for line in open(calls, encoding="utf-8", closefd=False):
        call = json.loads(line)
        sys.stdout.flush()
        sys.stderr.flush()
        child = os.fork()
        if child == 0:
            os.close(calls)
            os.close(answers)
            return become(call)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        os.write(answers, b"%d\n" % status)
    # Nothing ran here but the import: no clean-up of the interpreter is owed.
    os._exit(0)


def become(call):
    """Makes this child what `python SCRIPT HOOK FOLDER` is before its first line."""
    script = call["argv"][0]
    os.chdir(call["cwd"])
    os.environ.update(call["environ"])
    loader = SourceFileLoader("__main__", script)
    main = ModuleType("__main__")
    main.__file__ = script
    main.__loader__ = loader
    main.__builtins__ = __builtins__
    sys.modules["__main__"] = main
    sys.argv[:] = call["argv"]
    sys.orig_argv[1:] = call["argv"]
    return loader.get_code("__main__"), main


if __name__ == "__main__":
    calls, answers = int(sys.argv[1]), int(sys.argv[2])
    os.write(answers, b"ready\n" if import_backend() else b"plain\n")
    code, main = serve(calls, answers)
    exec(code, main.__dict__)
