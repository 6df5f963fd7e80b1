//! How Weir knows its own calls. Judges and probes ask models through the gateway like everybody, and their calls are neither
//! judged nor inspected, because they quote what was. Whoever could say the same of a call could hide it, so it is said with
//! a secret that only this Weir's processes know.

use std::sync::Arc;

use crate::{Secret, Source};

/// What only this Weir can show. Cheap to clone.
#[derive(Clone, Debug)]
pub struct OwnMark(Secret);

impl OwnMark {
    /// A mark of this secret, of visible ASCII without spaces.
    pub fn new(secret: impl Into<Arc<str>>) -> Self {
        Self(Secret::new(secret))
    }

    /// What a call of this source says in the header `weir-source`: `evaluator` and the secret.
    pub fn said_by(&self, source: Source) -> String {
        format!("{source} {}", self.0.expose())
    }

    /// The source that a header proves; `None` when it proves none.
    pub fn source_of(&self, header: &[u8]) -> Option<Source> {
        [Source::Evaluator, Source::Probe].into_iter().find(|source| {
            let rest =
                header.strip_prefix(source.as_str().as_bytes()).and_then(|rest| rest.strip_prefix(b" "));
            rest.is_some_and(|secret| are_equal(secret, self.0.expose().as_bytes()))
        })
    }
}

/// Looks at every byte, so that how long it takes tells nothing.
fn are_equal(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |differ, (a, b)| differ | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_knows_the_secret_is_believed() {
        let mark = OwnMark::new("3f7a");
        for source in [Source::Evaluator, Source::Probe] {
            assert_eq!(mark.source_of(mark.said_by(source).as_bytes()), Some(source));
            assert_eq!(OwnMark::new("3f7b").source_of(mark.said_by(source).as_bytes()), None);
        }
        for header in
            ["", "evaluator", "evaluator ", "probe 3f7", "probe 3f7aa", "gateway 3f7a", "probe  3f7a"]
        {
            assert_eq!(mark.source_of(header.as_bytes()), None, "{header:?}");
        }
    }
}
