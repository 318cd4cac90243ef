"""One guarded run of pytest: hooks, options, the collection, xdist, the ending."""
