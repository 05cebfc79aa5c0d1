"""black as one executable: its wheel is compiled by mypyc."""

from black import patched_main

if __name__ == "__main__":
    patched_main()
