"""Figures, never a timed test."""
