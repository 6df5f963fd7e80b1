//! The simulated provider and the replay of arrival traces
