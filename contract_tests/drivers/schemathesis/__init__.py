"""Schemathesis: generated traffic, sent through our session and fed with real builds."""
