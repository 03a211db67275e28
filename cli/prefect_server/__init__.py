"""Prefect's server: who may use it, which one a command uses, its deployments and runs."""

POOL = "scorekeeper"  # the work pool of all deployments
