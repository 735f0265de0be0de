"""The gate: drivers make traffic, the tape holds it, rules judge it, reports show it."""
