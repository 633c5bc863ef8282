"""Logs of other evaluation tools, read into Pawl evaluations: one file per tool."""
