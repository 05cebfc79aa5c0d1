"""The FNV-1a hash, 64 bits."""

from ._fnv import fnv1a

__all__ = ["fnv1a"]
