"""Documents that people have, as plain text to be spoken."""
