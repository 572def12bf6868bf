"""Programs as users of other packages write them; see `try_`."""
