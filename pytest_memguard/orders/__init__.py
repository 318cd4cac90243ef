"""Runs the threads of one sample one at a time, in an order that depends on the program alone."""
