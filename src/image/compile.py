# Compiles every module below the given folders to byte code below /out, in a fixed number of processes: which
# modules share a process may decide bytes (marshal refers to strings that are shared), so it never depends on the
# machine. Modules that are no valid Python are left out.
import os
import py_compile
import sys

PROCESSES = 4
TAG = sys.implementation.cache_tag

sources = []
for root in sys.argv[1:]:
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if name != "__pycache__")
        for name in names:
            path = os.path.join(folder, name)
            if name.endswith(".py") and not os.path.islink(path):
                sources.append((-os.path.getsize(path), path))
sources.sort()

children = []
for number in range(PROCESSES):
    child = os.fork()
    if child == 0:
        status = 0
        try:
            for _, path in sources[number::PROCESSES]:
                out = "/out" + path[:-3] + "." + TAG + ".pyc"
                os.makedirs(os.path.dirname(out), exist_ok=True)
                try:
                    py_compile.compile(
                        path,
                        cfile=out,
                        doraise=True,
                        invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
                    )
                except py_compile.PyCompileError:
                    pass
        except BaseException as error:
            print(type(error).__name__, error, file=sys.stderr, flush=True)
            status = 1
        os._exit(status)
    children.append(child)
sys.exit(max(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 0 for child in children))
