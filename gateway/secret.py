"""Secret bytes that do not show themselves."""

from __future__ import annotations

import hashlib
from typing import NoReturn


class Secret:
    """
    Bytes that neither `repr`, `str`, `vars`, a format string nor pickling gives away.

    `reveal()` is the one way to the bytes, so that a search for it finds every use.
    """

    __slots__ = ("__fingerprint", "__value")

    def __init__(self, value: bytes | str) -> None:
        self.__value = value.encode() if isinstance(value, str) else bytes(value)
        self.__fingerprint = ""

    def reveal(self) -> bytes:
        """Return the secret bytes: for the code that computes or compares a signature only."""
        return self.__value

    @property
    def fingerprint(self) -> str:
        """Eight hex digits of a SHA-256: enough to tell two secrets apart, useless to find one."""
        if not self.__fingerprint:
            self.__fingerprint = hashlib.sha256(b"fingerprint:" + self.__value).hexdigest()[:8]
        return self.__fingerprint

    def __len__(self) -> int:
        return len(self.__value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self.__value == other.__value

    def __hash__(self) -> int:
        return hash(self.fingerprint)

    def __repr__(self) -> str:
        return f"<Secret sha256:{self.fingerprint}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret is not pickled")
