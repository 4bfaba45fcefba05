"""Why: predictions of explanations, and the one rule that turns their estimates into verdicts."""
