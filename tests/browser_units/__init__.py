"""What the browser's files for the call and the live connection do, in real browsers."""
