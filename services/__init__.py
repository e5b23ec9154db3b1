"""Services that wait for the outside world: every pattern of waiting in Restate, through the gateway."""
