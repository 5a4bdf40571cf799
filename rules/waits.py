"""How long what waits, and how far clocks may be apart."""

STILL_BREACHED = 600.0
"""Seconds a person's closing holds while the same breach goes on without a clear reading; then it is raised anew."""
AGAIN = 1.0
"""Seconds between two revisions because of repetitions of one event."""
RECHECK = 10.0
"""Seconds after which a timer that the device's silence has stopped is looked at again."""
OVERDUE = 2.0
"""Seconds that a timer found overdue after a restart still waits: the broker may hold newer readings."""
CLOCK_AHEAD = 5_000
"""A newest reading further in the future than this, in ms, does not make a breach of now a late one."""
CLOCK_LIMIT = 120_000
"""What intake lets a device be ahead, in ms. Beyond it the newest reading came while our own clock was wrong."""
REDELIVERED = 600_000
"""How long after an episode, in ms, a repeated message without a device time is taken for a part of it."""
