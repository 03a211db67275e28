"""Prefect's server: who may use it, which one a command uses, and what stands on it."""
