"""Formats of decision files: how decisions stand in a file of each kind."""
