"""Papers that citizen and municipality give each other."""
