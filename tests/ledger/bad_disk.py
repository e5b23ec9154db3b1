"""
A disk that fails under SQLite: reads, writes and flushes end with an I/O error while they are told to, the
ledger's own flush of the log as well.

SQLite reaches a disk through a table of functions a file (https://sqlite.org/c3ref/io_methods.html); here
some of them are replaced, for every database that this process opens meanwhile.
"""

from __future__ import annotations

import _sqlite3
import ctypes
import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

#: https://sqlite.org/rescode.html
_ERRORS = {"read": 266, "write": 778, "sync": 1034}
#: Where a file's functions stand in its table, counted in pointers: the version, xClose, xRead, …
_PLACES = {"read": 2, "write": 3, "sync": 5}
_TABLE = 19
_DONE = 0

_Open = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p
)
_Move = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_int64)
_Sync = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int)
_KINDS: dict[str, Any] = {"read": _Move, "write": _Move, "sync": _Sync}


class _Vfs(ctypes.Structure):
    _fields_ = (
        ("version", ctypes.c_int),
        ("file_size", ctypes.c_int),
        ("longest_path", ctypes.c_int),
        ("next", ctypes.c_void_p),
        ("name", ctypes.c_char_p),
        ("data", ctypes.c_void_p),
        ("open", ctypes.c_void_p),
    )


@dataclass
class Disk:
    """What fails at the moment, any of `read`, `write` and `sync`, and how often it has."""

    failing: set[str] = field(default_factory=set)
    failures: int = 0

    def table(self, original: int) -> tuple[Any, list[Any]]:
        """A file's functions with ours in their places, and what has to live as long as they are used."""
        functions = (ctypes.c_void_p * _TABLE).from_buffer_copy(
            ctypes.string_at(original, ctypes.sizeof(ctypes.c_void_p) * _TABLE)
        )
        kept = []
        for name, place in _PLACES.items():
            address = functions[place]
            assert address
            kept.append(self._function(name, _KINDS[name](address)))
            functions[place] = ctypes.cast(kept[-1], ctypes.c_void_p).value
        return functions, kept

    def _function(self, name: str, real: Any) -> Any:
        def call(*arguments: int) -> int:
            if name in self.failing:
                self.failures += 1
                return _ERRORS[name]
            return int(real(*arguments))

        return _KINDS[name](call)


@contextmanager
def bad_disk() -> Iterator[Disk]:
    """The disk of all databases that are opened meanwhile; they have to be closed before it ends."""
    library = ctypes.CDLL(_sqlite3.__file__)
    library.sqlite3_vfs_find.restype = ctypes.POINTER(_Vfs)
    vfs = library.sqlite3_vfs_find(None).contents
    before = vfs.open
    real = _Open(before)
    disk = Disk()
    tables: dict[int, tuple[Any, list[Any]]] = {}

    def opened(vfs_pointer: int, name: int, file: int, flags: int, out: int) -> int:
        code = int(real(vfs_pointer, name, file, flags, out))
        methods = ctypes.c_void_p.from_address(file)
        if code == _DONE and methods.value:
            if methods.value not in tables:
                tables[methods.value] = disk.table(methods.value)
            methods.value = ctypes.addressof(tables[methods.value][0])
        return code

    def flush(descriptor: int) -> None:
        if "sync" in disk.failing:
            disk.failures += 1
            raise OSError(errno.EIO, "Input/output error")
        flushed(descriptor)

    replaced, flushed = _Open(opened), os.fdatasync
    vfs.open = ctypes.cast(replaced, ctypes.c_void_p).value
    os.fdatasync = flush  # type: ignore[assignment]  # for descriptors only
    try:
        yield disk
    finally:
        vfs.open = before
        os.fdatasync = flushed
