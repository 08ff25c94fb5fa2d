"""Numerics shared by all families: array libraries, special functions, roots. No physics."""
