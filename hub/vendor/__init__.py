"""Watching one vendor's live traffic: what is understood, and what would go wrong later. Beside the hub, never part of it."""
