"""A language model as a judge: asking it, reading it, and proving how far it can be believed."""
