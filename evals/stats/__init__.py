"""Statistics of evaluations: metrics from sums, intervals, paired tests, power, sequential tests.

Does: hold the modules; import from them. Does not: decide anything (evals/gate.py).
"""
