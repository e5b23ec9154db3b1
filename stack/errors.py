"""What goes wrong while parts are started."""

from __future__ import annotations


class StackError(Exception):
    """A part could not be had or started: says which, why, and what to do instead."""
