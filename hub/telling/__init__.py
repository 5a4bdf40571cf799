"""From an alert to a person: every reason to tell somebody, or not to, is a small file of its own. Pure: no I/O, no clock."""
