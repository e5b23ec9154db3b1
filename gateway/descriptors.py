"""How many connections a process may hold: each is an open file, and of those it has so many."""

from __future__ import annotations

import resource

from gateway.errors import ConfigurationError

#: The ledger, calls to Restate, the internal listener's clients, and connections about to be refused.
_OTHERS = 128


def connections(wanted: int) -> int:
    """
    The connections that a listener may hold: as many as wanted, or as the bound on open files allows.

    That bound is raised as far as the process may. Raises `ConfigurationError` where it leaves none.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = wanted + _OTHERS
    if soft < needed and soft != resource.RLIM_INFINITY:
        soft = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    if soft == resource.RLIM_INFINITY:
        return wanted
    if soft <= _OTHERS:
        raise ConfigurationError(
            f"this process may open {soft} files (ulimit -n), which leaves none for connections; "
            f"{needed} are needed for limits.connections = {wanted}"
        )
    return min(wanted, soft - _OTHERS)
