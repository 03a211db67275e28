"""The commands of `scorekeeper`, one a module, each named as what a user types."""
