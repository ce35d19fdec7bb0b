"""What stands in for the outside world in the demo, over real protocols."""
