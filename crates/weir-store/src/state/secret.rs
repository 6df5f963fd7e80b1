//! Virtual keys as secrets: how they are made and hashed.

use sha2::{Digest as _, Sha256};
use weir_types::{KeyHash, Secret};

use crate::hex::hex;

/// What every virtual key begins with.
const PREFIX: &str = "wk-";

/// How many characters after the prefix are shown to recognise a key by.
const SHOWN_CHARS: usize = 6;

/// A new key: [`PREFIX`] and 32 bytes of the system's randomness in hexadecimal digits.
pub(crate) fn new_secret() -> Result<Secret, getrandom::Error> {
    Ok(Secret::new(format!("{PREFIX}{}", random_hex::<32>()?)))
}

/// So many bytes of the system's randomness, in hexadecimal digits.
pub fn random_hex<const BYTES: usize>() -> Result<String, getrandom::Error> {
    let mut random = [0u8; BYTES];
    getrandom::fill(&mut random)?;
    Ok(hex(&random))
}

/// A new public name: `key_…`, `doc_…`.
pub(crate) fn new_id(prefix: &str) -> Result<String, getrandom::Error> {
    Ok(format!("{prefix}_{}", random_hex::<8>()?))
}

/// The first characters of a key, to recognise it by.
pub(crate) fn shown_prefix(secret: &Secret) -> String {
    secret.expose().chars().take(PREFIX.len() + SHOWN_CHARS).collect()
}

/// The hash by which a key is found.
pub fn hash_key(secret: &str) -> KeyHash {
    KeyHash(Sha256::digest(secret.as_bytes()).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_long_random_and_recognisable() {
        let (a, b) = (new_secret().unwrap(), new_secret().unwrap());
        assert_ne!(a, b);
        assert_eq!(a.expose().len(), 3 + 64);
        assert!(a.expose().starts_with(&shown_prefix(&a)));
        assert_eq!(shown_prefix(&a).len(), 9);
    }

    #[test]
    fn a_hash_is_the_sha_256_of_the_whole_text() {
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(hex(&hash_key("abc").0), expected);
    }
}
