//! Text by the piece: an answer is a list of pieces, each about a token, and each chunk of a stream carries one.

use std::borrow::Cow;
use std::sync::LazyLock;

use crate::company::Company;

/// A piece of text: a word with the space before it.
pub(crate) type Piece = Cow<'static, str>;

/// The pieces of all general answers, one after the other.
static ENDLESS: LazyLock<Vec<&'static str>> =
    LazyLock::new(|| Company::bundled().general.iter().flat_map(|text| split(text)).collect());

/// Cuts a text before each run of whitespace.
pub(crate) fn split(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let body = rest.find(|c: char| !c.is_whitespace()).unwrap_or(rest.len());
        let end = rest[body..].find(char::is_whitespace).map_or(rest.len(), |length| body + length);
        let (piece, after) = rest.split_at(end);
        rest = after;
        (!piece.is_empty()).then_some(piece)
    })
}

/// The pieces of a text that was made for one answer.
pub(crate) fn owned_pieces(text: &str) -> Vec<Piece> {
    split(text).map(|piece| Cow::Owned(piece.to_owned())).collect()
}

/// One of the general answers.
pub(crate) fn general(rng: &mut fastrand::Rng) -> Vec<Piece> {
    let text = rng.choice(&Company::bundled().general).map_or("", String::as_str);
    split(text).map(Cow::Borrowed).collect()
}

/// About how many pieces make so many tokens: a word of English with its comma or full stop is 1.3 tokens.
pub(crate) fn pieces_of_tokens(tokens: u64) -> u64 {
    (tokens * 10).div_ceil(13)
}

/// Exactly this many pieces, starting anywhere in the general answers and going around.
pub(crate) fn exactly(pieces: u64, rng: &mut fastrand::Rng) -> Vec<Piece> {
    around(rng).take(usize::try_from(pieces).unwrap_or(usize::MAX)).map(Cow::Borrowed).collect()
}

/// Pieces of exactly this many bytes together; the last one may be cut.
pub(crate) fn exactly_bytes(bytes: u64, rng: &mut fastrand::Rng) -> Vec<Piece> {
    let mut left = usize::try_from(bytes).unwrap_or(usize::MAX);
    let mut pieces = Vec::new();
    for piece in around(rng) {
        if left == 0 {
            break;
        }
        // The general answers are ASCII, which a test holds them to, so that any cut is between characters.
        let taken = piece.get(..left.min(piece.len())).unwrap_or(piece);
        left -= taken.len().min(left);
        pieces.push(Cow::Borrowed(taken));
    }
    pieces
}

fn around(rng: &mut fastrand::Rng) -> impl Iterator<Item = &'static str> {
    let start = rng.usize(..ENDLESS.len().max(1));
    ENDLESS.iter().copied().cycle().skip(start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_make_the_text_again() {
        for text in ["one two\n\nthree ", " leading", "", "x", "ünïcode  wörds"] {
            assert_eq!(split(text).collect::<String>(), text);
        }
    }

    #[test]
    fn a_length_asked_for_is_met_to_the_byte() {
        assert!(Company::bundled().general.iter().all(|text| text.is_ascii()));
        let mut rng = fastrand::Rng::with_seed(1);
        for bytes in [0, 1, 17, 1_000, 70_001] {
            let made: usize = exactly_bytes(bytes, &mut rng).iter().map(|piece| piece.len()).sum();
            assert_eq!(made as u64, bytes);
        }
        assert_eq!(exactly(200, &mut rng).len(), 200);
    }
}
