"""Concurrency on PostgreSQL."""
