"""The running service. Importing this package imports nothing."""
