"""Training by gradients as machine code: numbers only, and the only room that needs numba."""
