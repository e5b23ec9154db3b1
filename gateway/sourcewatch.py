"""
The sources in force: their secret files are taken up while the gateway runs.

Only what is good replaces what was good. A file that vanishes or holds what protects nothing leaves the last
good secret in force and raises an alarm; one that was not there at start opens its source when it comes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from gateway import settings as config
from gateway import sources
from gateway.filewatch import FileWatch
from gateway.providers.signatures import digest
from gateway.sources import Source, Sources, SourceSecret

_FILE = "file:"


class WatchedSources:
    """
    `sources` are those in force, an immutable value that is replaced as a whole.

    `on_change` is told of a source and its secret that was taken up, `on_error` why one was not;
    `load_errors` counts those. Raises `ConfigurationError` for what is wrong at start.
    """

    def __init__(
        self,
        settings: config.Settings,
        environ: Mapping[str, str],
        on_change: Callable[[Source, SourceSecret], None],
        on_error: Callable[[str], None],
    ) -> None:
        self.on_change = on_change
        self.on_error = on_error
        self.load_errors = 0
        self._users: dict[str, set[str]] = {}
        for name, source in settings.sources.items():
            for given in source.secrets:
                place = given.get_secret_value()
                if place.startswith(_FILE):
                    self._users.setdefault(place.removeprefix(_FILE), set()).add(name)
        # Looked at before they are read: what changes in between is seen as a change.
        self._watch = FileWatch(self._users)
        self.sources: Sources = sources.load(settings, environ)

    def refresh(self) -> None:
        """Take up the files that have changed."""
        for path in self._watch.changed():
            for name in sorted(self._users[path]):
                before = self.sources[name]
                self._take_up(before, sources.reread(before, f"{_FILE}{path}"))

    def _take_up(self, before: Source, now: Source) -> None:
        self.sources = self.sources.replaced(now)
        for old, new in zip(before.secrets, now.secrets, strict=True):
            if new.problem is not None and new.problem != old.problem:
                self.load_errors += 1
                self.on_error(new.problem)
            elif new.problem is None and new != old:
                digest.forget_keys()
                self.on_change(now, new)
