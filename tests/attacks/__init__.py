"""Adversarial input, sessions and floods against the whole application; T-numbers of the security spec."""
