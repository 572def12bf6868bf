"""The network: its sizes and its parts in PyTorch."""
