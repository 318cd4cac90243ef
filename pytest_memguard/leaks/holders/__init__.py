"""Who holds what leaks: the chain of references from a named place to the leaking objects."""
