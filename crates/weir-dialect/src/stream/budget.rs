//! How much of a stream's output is kept.

/// Bytes of output that may still be kept. Text over the limit is counted and dropped; the limit is one for all parts
/// of an answer, so that neither one long text nor many short ones can grow without bound.
#[derive(Debug)]
pub(super) struct Budget {
    left: usize,
    is_exceeded: bool,
}

impl Budget {
    pub(super) const fn new(bytes_max: usize) -> Self {
        Self { left: bytes_max, is_exceeded: false }
    }

    /// Whether anything was dropped.
    pub(super) const fn is_exceeded(&self) -> bool {
        self.is_exceeded
    }

    /// Appends a text, or the part of it that fits.
    pub(super) fn append(&mut self, to: &mut String, text: &str) {
        let fits = text.floor_char_boundary(self.left);
        to.push_str(&text[..fits]);
        self.left -= fits;
        self.is_exceeded |= fits < text.len();
    }

    /// Keeps a text whole, or not at all.
    pub(super) fn keep(&mut self, text: &str) -> Option<String> {
        if text.len() > self.left {
            self.is_exceeded = true;
            return None;
        }
        self.left -= text.len();
        Some(text.to_owned())
    }

    /// Gives back what a text that is no longer kept had taken.
    pub(super) fn give_back(&mut self, bytes: usize) {
        self.left += bytes;
    }
}
