"""Any scikit-learn estimator on a clock, and what those learners share."""
