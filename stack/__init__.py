"""
Real parts, started for the demo and the tests: Restate, the services, the gateway, the simulator.

Nothing here is needed in production, where each part is started by whatever starts programs there.
"""
