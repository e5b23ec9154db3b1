"""Measurements: how fast callbacks complete through the gateway, beside Restate alone and bridges by hand."""
