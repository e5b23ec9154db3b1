"""The internal listener: services issue callbacks, ops look in."""
