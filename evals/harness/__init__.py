"""Tasks of lm-evaluation-harness (`lm_eval`), scored by it, as evaluations that a gate can read."""
