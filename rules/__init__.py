"""Rules: what must be told to a person. ``build`` and ``load_defaults`` make them, ``rules.engine`` runs them."""

from rules.loading import build, load_defaults

__all__ = ["build", "load_defaults"]
