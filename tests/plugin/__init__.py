"""Real pytest runs, guarded."""
