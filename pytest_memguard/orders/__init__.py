"""Decided turns: threads of one sample run one at a time, in an order that depends on the program alone."""
