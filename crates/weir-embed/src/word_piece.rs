//! Texts to tokens as BERT's models were trained: WordPiece over lowercase words.
//!
//! Read from the model's `tokenizer.json`. Why not the library that writes those files: it covers every tokenizer there is,
//! and builds a C library of regular expressions for that; this kind needs a table and the three rules below. They are checked
//! against that library's output in the crate's tests.
//!
//! 1. Control characters go, white space is one space, accents go, letters become small.
//! 2. Words end at white space and at punctuation, which is a word of its own; so is every Chinese character.
//! 3. A word is cut into the longest pieces that the vocabulary has, from its front. One that cannot be cut is unknown.

use std::collections::HashMap;
use std::path::Path;

use serde::Deserialize;
use unicode_normalization::UnicodeNormalization as _;
use unicode_properties::{GeneralCategory, GeneralCategoryGroup, UnicodeGeneralCategory as _};

use crate::EmbedError;

/// A tokenizer.
pub(crate) struct WordPiece {
    vocabulary: HashMap<String, u32>,
    prefix: String,
    word_chars_max: usize,
    is_lowercase: bool,
    unknown: u32,
    begin: u32,
    end: u32,
}

#[derive(Deserialize)]
struct File {
    normalizer: Normalizer,
    model: Model,
}

#[derive(Deserialize)]
struct Normalizer {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    lowercase: bool,
}

#[derive(Deserialize)]
struct Model {
    #[serde(rename = "type", default = "word_piece")]
    kind: String,
    unk_token: String,
    continuing_subword_prefix: String,
    max_input_chars_per_word: usize,
    vocab: HashMap<String, u32>,
}

fn word_piece() -> String {
    "WordPiece".to_owned()
}

impl WordPiece {
    /// Reads a `tokenizer.json`; `folder` is for messages.
    pub(crate) fn read(json: &[u8], folder: &Path) -> Result<Self, EmbedError> {
        let fault = |reason: String| EmbedError::Model { path: folder.to_owned(), reason };
        let file: File =
            serde_json::from_slice(json).map_err(|error| fault(format!("tokenizer.json: {error}")))?;
        if file.model.kind != "WordPiece" || file.normalizer.kind != "BertNormalizer" {
            let kinds = format!("{} after {}", file.model.kind, file.normalizer.kind);
            return Err(fault(format!("its tokenizer is {kinds}, not WordPiece after BertNormalizer")));
        }
        let vocabulary = file.model.vocab;
        let id = |token: &str| {
            let found = vocabulary.get(token).copied();
            found.ok_or_else(|| fault(format!("its vocabulary has no {token}")))
        };
        Ok(Self {
            unknown: id(&file.model.unk_token)?,
            begin: id("[CLS]")?,
            end: id("[SEP]")?,
            prefix: file.model.continuing_subword_prefix,
            word_chars_max: file.model.max_input_chars_per_word,
            is_lowercase: file.normalizer.lowercase,
            vocabulary,
        })
    }

    /// How many tokens there are.
    pub(crate) fn len(&self) -> usize {
        self.vocabulary.len()
    }

    /// The token that marks the end of a text.
    pub(crate) const fn end(&self) -> u32 {
        self.end
    }

    /// The tokens of a text between those that mark its ends. Stops when there are more than `tokens_max`, which the caller
    /// sees by their number.
    pub(crate) fn tokens(&self, text: &str, tokens_max: usize) -> Vec<u32> {
        let mut tokens = vec![self.begin];
        let mut word = String::new();
        for letter in self.normal(text) {
            let stands_alone = is_chinese(letter) || is_punctuation(letter);
            if stands_alone || letter == ' ' {
                self.cut(&word, &mut tokens);
                word.clear();
                if stands_alone {
                    self.cut(letter.encode_utf8(&mut [0; 4]), &mut tokens);
                }
                if tokens.len() > tokens_max {
                    return tokens;
                }
            } else {
                word.push(letter);
            }
        }
        self.cut(&word, &mut tokens);
        tokens.push(self.end);
        tokens
    }

    /// Accents are what normalisation makes a character of its own.
    fn normal<'a>(&self, text: &'a str) -> Box<dyn Iterator<Item = char> + 'a> {
        let kept = text.chars().filter_map(|letter| match letter {
            '\0' | '\u{fffd}' => None,
            _ if letter.is_whitespace() => Some(' '),
            _ if letter.general_category_group() == GeneralCategoryGroup::Other => None,
            _ => Some(letter),
        });
        if !self.is_lowercase {
            return Box::new(kept);
        }
        let bare = kept.nfd().filter(|letter| letter.general_category() != GeneralCategory::NonspacingMark);
        Box::new(bare.flat_map(char::to_lowercase))
    }

    fn cut(&self, word: &str, tokens: &mut Vec<u32>) {
        if word.is_empty() {
            return;
        }
        let start = tokens.len();
        let mut rest = word;
        let mut piece = String::new();
        if word.chars().count() > self.word_chars_max {
            return tokens.push(self.unknown);
        }
        while !rest.is_empty() {
            let ends = rest.char_indices().map(|(at, letter)| at + letter.len_utf8()).rev();
            let found = ends.into_iter().find_map(|end| {
                piece.clear();
                piece.push_str(if tokens.len() == start { "" } else { &self.prefix });
                piece.push_str(&rest[..end]);
                self.vocabulary.get(&piece).map(|id| (*id, end))
            });
            let Some((id, end)) = found else {
                tokens.truncate(start);
                return tokens.push(self.unknown);
            };
            tokens.push(id);
            rest = &rest[end..];
        }
    }
}

fn is_punctuation(letter: char) -> bool {
    letter.is_ascii_punctuation() || letter.general_category_group() == GeneralCategoryGroup::Punctuation
}

/// Blocks whose languages put no space between words, as BERT's authors listed them.
fn is_chinese(letter: char) -> bool {
    matches!(u32::from(letter),
        0x4E00..=0x9FFF | 0x3400..=0x4DBF | 0x20000..=0x2A6DF | 0x2A700..=0x2B73F | 0x2B740..=0x2B81F
        | 0x2B820..=0x2CEAF | 0xF900..=0xFAFF | 0x2F800..=0x2FA1F)
}

#[cfg(test)]
mod tests {
    use super::*;

    const JSON: &str = r###"{"normalizer":{"type":"BertNormalizer","lowercase":true},"model":{"type":"WordPiece",
        "unk_token":"[UNK]","continuing_subword_prefix":"##","max_input_chars_per_word":10,
        "vocab":{"[UNK]":0,"[CLS]":1,"[SEP]":2,"un":3,"##aff":4,"##able":5,"cafe":6,"!":7,"水":8,"a":9}}}"###;

    fn tokens(text: &str) -> Vec<u32> {
        WordPiece::read(JSON.as_bytes(), Path::new("here")).unwrap().tokens(text, 100)
    }

    #[test]
    fn words_are_cut_into_the_longest_pieces() {
        assert_eq!(tokens("UNAFFABLE"), [1, 3, 4, 5, 2]);
        assert_eq!(tokens("unaffordable"), [1, 0, 2]);
        assert_eq!(tokens("aaaaaaaaaaaaa"), [1, 0, 2], "a word that is too long is unknown");
    }

    #[test]
    fn accents_go_and_punctuation_stands_alone() {
        assert_eq!(tokens(" Café!水a\u{200b}\t"), [1, 6, 7, 8, 9, 2]);
        assert_eq!(tokens(""), [1, 2]);
    }

    #[test]
    fn another_kind_of_tokenizer_is_refused_by_its_name() {
        let json = JSON.replace("\"WordPiece\"", "\"BPE\"");
        let error = WordPiece::read(json.as_bytes(), Path::new("here")).err().unwrap();
        assert!(error.to_string().contains("its tokenizer is BPE"), "{error}");
    }
}
