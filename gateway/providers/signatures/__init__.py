"""
What signatures are made of: digest, template, grammar, timestamp, and the schemes put together from them.

Pure: bytes and `now` come in, a value or `Unverified` goes out.
"""
