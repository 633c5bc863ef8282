"""`pawl doctor`: facts about an installation, and what in them is known to bite."""
