"""Recorded traffic: HAR files, read into typed entries and put on a tape."""
