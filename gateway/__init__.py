"""The webhook gateway for Restate: signed callback URLs in, resumed handlers out."""
