"""Faults, duplicates and reorders on real parts, and a checker of what came of it."""
