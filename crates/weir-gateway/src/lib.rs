//! The gateway: receives calls, applies policies, forwards, relays and records
