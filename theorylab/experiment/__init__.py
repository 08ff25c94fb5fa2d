"""Machinery that experiments of all families share. No theory."""
