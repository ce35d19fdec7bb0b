"""Products, free slots, appointments and the messages about them."""
