"""The public listener: callbacks, accounts' endpoints, approval pages, and a liveness probe."""
