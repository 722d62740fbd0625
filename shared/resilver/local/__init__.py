"""The embedded engine: no account, no network."""
