"""Networks trained by gradients, and their lazy twins."""
