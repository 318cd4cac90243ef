"""Guards one test: its plan, its samples, its regions, its leak check."""
