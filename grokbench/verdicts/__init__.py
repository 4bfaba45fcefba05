"""How we judge: rules and runs to verdicts, and two sides to a comparison."""
