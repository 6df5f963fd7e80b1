//! Logging in from a browser.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a browser sends to log in. `Debug` does not show the token.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Login {
    /// The admin token.
    pub token: String,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Login(…)")
    }
}

/// Whether one must log in, and whether one has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SessionState {
    /// Whether this Weir has an admin token; without one everything is open (on loopback only).
    pub login_required: bool,
    /// Whether this request may use the API.
    pub authenticated: bool,
}
