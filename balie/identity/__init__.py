"""Who somebody is, how sure we are of it, and what they may do."""
