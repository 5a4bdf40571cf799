"""The live engine over the stored past. ``hub.replay.run`` goes through it, ``hub.replay.tally`` counts what would have been,
``hub.replay.question`` is what the command and the page ask."""
