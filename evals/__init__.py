"""Models in, evidence out: engines, scorers, statistics, gate and report."""
