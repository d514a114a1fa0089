"""Real processes, killed and starved: what must be true whatever happens to a tick (docs: reliability)."""
