//! Virtual keys: what a client shows instead of a provider's key.

use std::pin::Pin;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{Secret, UnixMicros};

/// The SHA-256 of a virtual key. Keys are random and long, so a plain hash is enough, and a look-up by hash takes the
/// same time whatever the key is.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyHash(pub [u8; 32]);

impl std::fmt::Debug for KeyHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "KeyHash({:02x}{:02x}…)", self.0[0], self.0[1])
    }
}

/// What a virtual key allows, and whom its calls are charged to.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct VirtualKey {
    /// The key's public name, `key_…`; what spans carry.
    pub id: Arc<str>,
    /// A name for people.
    pub name: Arc<str>,
    /// The first characters of the key, to recognise it by.
    pub prefix: Arc<str>,
    /// The team its calls are charged to.
    pub team: Option<Arc<str>>,
    /// The application its calls belong to.
    pub app: Option<Arc<str>>,
    /// Models it may call, with `*` as a wildcard; empty for all.
    pub models: Vec<Arc<str>>,
    /// Providers it may call; empty for all.
    pub providers: Vec<Arc<str>>,
    /// When it was made.
    pub created_at: UnixMicros,
    /// When it stops to work.
    pub expires_at: Option<UnixMicros>,
    /// When it was revoked.
    pub revoked_at: Option<UnixMicros>,
}

/// Finds keys. Implemented by the state store, asked by the gateway on every call: an implementation answers from
/// memory and never waits.
pub trait KeyDirectory: Send + Sync {
    /// The key with this hash, also when it has expired or was revoked.
    fn find(&self, hash: &KeyHash) -> Option<Arc<VirtualKey>>;
}

/// A future that a trait object returns.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What a new key shall be; the rest of [`VirtualKey`] is filled in.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct NewKey {
    /// A name for people.
    pub name: Arc<str>,
    /// The team to charge.
    #[serde(default)]
    pub team: Option<Arc<str>>,
    /// The application.
    #[serde(default)]
    pub app: Option<Arc<str>>,
    /// Models it may call, with `*` as a wildcard; empty for all.
    #[serde(default)]
    pub models: Vec<Arc<str>>,
    /// Providers it may call; empty for all.
    #[serde(default)]
    pub providers: Vec<Arc<str>>,
    /// When it stops to work.
    #[serde(default)]
    pub expires_at: Option<UnixMicros>,
}

/// Why a key could not be made, listed or revoked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// There is no such key.
    #[error("there is no key {0:?}; `weir key list` shows all")]
    NotFound(String),
    /// What was asked for makes no sense; the text says why.
    #[error("{0}")]
    Invalid(String),
    /// The state store failed.
    #[error("the state store failed: {0}")]
    Store(String),
}

/// Makes, lists and revokes keys. Implemented by the state store, used by the API and the command line.
pub trait KeyAdmin: Send + Sync {
    /// Makes a key. The secret (`wk-…`) is returned this once and cannot be had again.
    fn create(&self, key: NewKey) -> BoxFuture<'_, Result<(VirtualKey, Secret), KeyError>>;

    /// All keys, newest first, revoked ones included.
    fn list(&self) -> BoxFuture<'_, Result<Vec<VirtualKey>, KeyError>>;

    /// Revokes a key by its id. Revoking twice is no error.
    fn revoke<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<VirtualKey, KeyError>>;
}
