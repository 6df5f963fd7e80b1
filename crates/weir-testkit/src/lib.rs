//! For tests: simulated clock, faults, fixtures, a Weir to start
