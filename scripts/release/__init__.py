"""What changed since the last release, and which version and changelog entries follow from it."""
