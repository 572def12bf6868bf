"""Other people's client packages, used as their users use them."""
