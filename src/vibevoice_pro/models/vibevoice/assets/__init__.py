"""Files of the model: checkpoint, tokenizer and voices, found, fetched, checked and read."""
