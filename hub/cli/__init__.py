"""The command line: ``gengfu``. One file a group of commands; ``main`` turns every failure into one plain sentence."""

from hub.cli.entry import main

__all__ = ["main"]
