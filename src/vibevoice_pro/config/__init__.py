"""What an operator can set: one table, read at the edges, handed inward as plain values."""
