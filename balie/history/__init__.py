"""One contact record per visit, shared over every channel."""
