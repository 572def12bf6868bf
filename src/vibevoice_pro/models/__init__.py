"""Speech models behind one contract (`base`); nothing above this room knows which one speaks."""
