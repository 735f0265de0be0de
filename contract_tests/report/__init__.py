"""Reports: what a reader sees of the verdicts."""
