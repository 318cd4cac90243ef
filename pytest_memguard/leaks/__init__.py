"""The leak check: repeat a body, tell leaks from caches, name the line and the holder."""
