"""The memory that bodies may take, so that a flood of large ones is answered 503 and ends no process."""

from __future__ import annotations

from gateway.errors import TryLater

#: What is taken of every body without asking; what providers send is smaller than this.
SMALL = 64 * 1024


class Room:
    """Bytes that large bodies may hold together. What is small has its place whatever they do."""

    def __init__(self, size: int) -> None:
        self._free = size

    def body(self) -> Place:
        """The place of one body, empty at first."""
        return Place(self)

    def take(self, size: int) -> None:
        """Take some bytes; `TryLater` where there are not so many."""
        if size > self._free:
            raise TryLater("too many large bodies at a time")
        self._free -= size

    def give_back(self, size: int) -> None:
        """Give back what was taken."""
        self._free += size


class Place:
    """What one body holds."""

    __slots__ = ("_room", "_size", "_taken")

    def __init__(self, room: Room) -> None:
        self._room = room
        self._size = 0
        self._taken = 0

    def grow(self, size: int) -> None:
        """More bytes of the body are here; `TryLater` where there is no room for them."""
        self._size += size
        wanted = self._size - SMALL - self._taken
        if wanted > 0:
            self._room.take(wanted)
            self._taken += wanted

    def leave(self) -> None:
        """The body is no longer held."""
        self._room.give_back(self._taken)
        self._taken = 0
