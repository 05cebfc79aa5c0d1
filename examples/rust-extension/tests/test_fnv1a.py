"""Compares the Rust function with the same hash in Python and with published values."""

import unittest

from fnv1a_rs import fnv1a


def reference(data: bytes) -> int:
    value = 14695981039346656037
    for byte in data:
        value = (value ^ byte) * 1099511628211 % 2**64
    return value


class Fnv1a(unittest.TestCase):
    def test_published_values(self):
        self.assertEqual(fnv1a(b""), 0xCBF29CE484222325)
        self.assertEqual(fnv1a(b"a"), 0xAF63DC4C8601EC8C)
        self.assertEqual(fnv1a(b"foobar"), 0x85944171F73967E8)

    def test_equals_python(self):
        for data in (b"\0", b"\xff" * 1000, bytes(range(256))):
            self.assertEqual(fnv1a(data), reference(data))

    def test_refuses_text(self):
        with self.assertRaises(TypeError):
            fnv1a("text")
