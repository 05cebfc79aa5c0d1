"""Says hello."""

import sys


def greeting(name: str = "world") -> str:
    return f"hello, {name}"


def main() -> None:
    print(greeting(*sys.argv[1:2]))
