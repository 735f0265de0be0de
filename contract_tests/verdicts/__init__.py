"""Verdicts: what the rules found, waivers, and what was covered. Data only."""
