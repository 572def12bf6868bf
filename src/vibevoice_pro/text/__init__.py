"""Text on its way in: repairing, cutting into pieces, cleaning, reading numbers as words."""
