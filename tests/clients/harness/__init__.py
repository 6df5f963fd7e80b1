"""What the tests of real clients stand on: a Weir, a simulated provider, and recorders in front of both."""
