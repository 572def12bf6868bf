"""Speech as every front door sees it: requests, events, sessions."""
