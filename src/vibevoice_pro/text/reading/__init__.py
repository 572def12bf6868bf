"""What is written, turned into the words to say for it."""
