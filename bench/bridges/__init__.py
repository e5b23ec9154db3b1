"""What a user would write instead of the gateway: they verify and resolve, and record nothing."""
