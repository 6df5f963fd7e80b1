//! Secrets behind their references: an environment variable, or a file that holds nothing else.

use weir_types::Secret;

use super::file::SecretRef;

/// The secret, or what is missing and what to do about it.
pub(super) fn fetch(
    reference: &SecretRef,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<Secret, (String, String)> {
    let (found, message, hint) = match reference {
        SecretRef::Env { env } => {
            let hint = format!("set it: export {env}=…");
            (environment(env), format!("the environment variable {env} is not set"), hint)
        }
        SecretRef::File { file } => match std::fs::read_to_string(file) {
            Ok(text) => (Some(text), format!("the file {} is empty", file.display()), String::new()),
            Err(error) => {
                let message = format!("cannot read {}: {error}", file.display());
                (None, message, "the file holds the secret and nothing else".to_owned())
            }
        },
    };
    let secret = found.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    secret.map(Secret::new).ok_or((message, hint))
}
