"""
The outside world, simulated: a payment provider, an identity check, and a mail service.

Written as somebody else's program: it knows nothing of the gateway but the URLs it is given, and it
signs with the `standardwebhooks` package rather than with the gateway's own code.
"""
