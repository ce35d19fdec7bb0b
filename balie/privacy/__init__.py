"""Purposes, both logs, sealing and retention."""
