"""Pictures of every screen, to look at: the program behind `make screenshots`."""
