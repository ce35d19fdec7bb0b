"""The digital counter of a city hall: video appointments from booking to contact history."""
