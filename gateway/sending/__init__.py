"""Standing in for a provider: its sample events made fresh, signed as it signs, and posted."""
