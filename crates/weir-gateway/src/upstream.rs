//! Connections to providers: made, driven, reused.
//!
//! HTTP/1.1 over `hyper`'s connection type, one pool per worker and provider. No other HTTP client type fits: a pooled
//! client (`hyper-util`, `reqwest`) runs every connection as a task of its own, so each piece of a stream costs two
//! wake-ups and a channel between tasks. Here the call that uses a connection also drives it ([`Connection`]): a byte
//! that arrives from the provider wakes the task of the client's connection, which reads, relays and writes it in one
//! go. And a client that goes away takes its connection to the provider with it, at once and without a message.
//!
//! HTTP/2 to providers would need a task per connection again and gains nothing here: providers speak HTTP/1.1, and
//! idle connections are plenty.

pub(crate) mod body;
pub(crate) mod connection;
pub(crate) mod connector;
pub(crate) mod pool;
mod waker;
