"""Tests of accessibility."""
