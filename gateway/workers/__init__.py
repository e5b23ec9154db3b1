"""Several processes that serve as one gateway: `gateway serve --workers N`."""
