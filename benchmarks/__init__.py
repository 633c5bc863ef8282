"""Programs that measure the speed of parts of Pawl; each runs with `python -m benchmarks.NAME`."""
