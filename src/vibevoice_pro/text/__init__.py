"""Text on its way in: cleaning, cutting into pieces, and what a voice can read."""
