"""
HTTP/1.1 as both listeners speak it: connections, requests, and an adapter for ASGI apps.

Parsed by httptools and served by uvicorn's server; the connection is our own. uvicorn 0.54's waits without an
end for a head, for the rest of a body that was answered already and for a reader that does not read, keeps a
head or a trailer however long it is, loses the body of a request that offers another protocol, and costs four
times as much, which every delivery would pay.
"""
