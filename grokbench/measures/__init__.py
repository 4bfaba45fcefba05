"""What moved inside: functions of a learner's three faces at a checkpoint, one code for all families."""
