"""The documentation. `python -m docs` writes the providers' pages from their declarations."""
