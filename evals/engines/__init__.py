"""Ways to get answers from a model: local weights, an endpoint, a recording."""
