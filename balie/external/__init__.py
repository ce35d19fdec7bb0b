"""Other systems: mail, text messages, virus scanner, registers."""
