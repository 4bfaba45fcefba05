"""What is asked: suites, plans, and what was registered."""
