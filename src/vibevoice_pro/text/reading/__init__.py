"""Numbers, dates, money and signs, written out as the words to say for them."""
