"""What the cutting of text has to know of each language; a file of data for each."""
