"""Linear models, on the inputs and on random features."""
