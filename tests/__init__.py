"""Tests of pytest-memguard."""
