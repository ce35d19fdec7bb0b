"""The video conversation: check, signalling, seats."""
