//! Prints the OpenAPI document as it is kept in `ui/openapi.json`; `cargo xtask openapi` writes it there.

use std::io::{self, Write};

fn main() -> io::Result<()> {
    let document = weir_api::openapi().to_pretty_json().map_err(io::Error::other)?;
    writeln!(io::stdout().lock(), "{document}")
}
