"""The experiments: the twins of `analytic`, and the engine that averages them."""
