"""
The public listener against whoever means harm, over raw sockets: slow, large, many, malformed.

What a proxy in front has to do is not tested here. It ends TLS and refuses plain http on these paths: a
redirect is not followed, or sends the token in the clear first. It ends HTTP/2 with its own bounds on
streams, resets and frames: the gateway takes HTTP/1.1 only, and refuses the other two as malformed.
"""
