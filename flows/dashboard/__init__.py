"""One page about every model: what is pinned, how old its evidence is, what comes next."""
