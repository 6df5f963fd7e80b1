//! Tokens of images, by the rules of OpenAI's vision guide.
//!
//! Older models see an image in tiles: it is fitted into 2048 x 2048, its shorter side is brought down to 768, and each
//! begun tile of 512 x 512 has a price beside a base. Newer small models see patches of 32 x 32, at most 1,536, times a
//! factor. An image behind a URL has an unknown size: it counts as 1024 x 1024 and is an estimate.

use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use crate::chat::TokenCount;
use crate::image_size;

/// How a model counts an image.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Rule {
    Tiles { base: u64, tile: u64 },
    Patches { factor_percent: u64 },
}

/// Rules by the beginning of the model's name; the first that fits holds.
const RULES: [(&str, Rule); 13] = [
    ("gpt-4o-mini", Rule::Tiles { base: 2_833, tile: 5_667 }),
    ("gpt-4.1-mini", Rule::Patches { factor_percent: 162 }),
    ("gpt-4.1-nano", Rule::Patches { factor_percent: 246 }),
    ("gpt-5-mini", Rule::Patches { factor_percent: 162 }),
    ("gpt-5-nano", Rule::Patches { factor_percent: 246 }),
    ("o4-mini", Rule::Patches { factor_percent: 172 }),
    ("gpt-5", Rule::Tiles { base: 70, tile: 140 }),
    ("o1", Rule::Tiles { base: 75, tile: 150 }),
    ("o3", Rule::Tiles { base: 75, tile: 150 }),
    ("gpt-4", GPT_4),
    ("chatgpt-4o", GPT_4),
    ("ft:gpt-4o-mini", Rule::Tiles { base: 2_833, tile: 5_667 }),
    ("ft:gpt-4", GPT_4),
];

const GPT_4: Rule = Rule::Tiles { base: 85, tile: 170 };

/// The size that an image of unknown size counts as.
const TYPICAL: (u32, u32) = (1_024, 1_024);
/// Characters of base64 that are looked at for the size; enough for a JPEG with a large preview in it. A multiple of 4.
const HEADER_BASE64_MAX: usize = 128 * 1_024;
/// The most patches of an image that a model sees.
const PATCHES_MAX: f64 = 1_536.0;

/// Base64 with or without padding, because what is read is the beginning of a longer text.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Tokens of one image of a request: `url` may be a `data:` URL, `detail` is `low`, `high`, `auto` or absent.
pub(crate) fn count(model: &str, url: Option<&str>, detail: Option<&str>) -> TokenCount {
    let known = RULES.iter().find(|(start, _)| model.starts_with(start));
    let rule = known.map_or(GPT_4, |(_, rule)| *rule);
    let size = url.and_then(size_of_data_url);
    match (rule, detail) {
        (Rule::Tiles { base, .. }, Some("low")) => TokenCount { tokens: base, exact: known.is_some() },
        (rule, detail) => TokenCount {
            tokens: rule.tokens(size.unwrap_or(TYPICAL)),
            exact: known.is_some() && size.is_some() && detail == Some("high"),
        },
    }
}

impl Rule {
    fn tokens(self, (width, height): (u32, u32)) -> u64 {
        let (width, height) = (f64::from(width.max(1)), f64::from(height.max(1)));
        match self {
            Self::Tiles { base, tile } => base + tile * tiles(width, height),
            Self::Patches { factor_percent } => (patches(width, height) * factor_percent).div_ceil(100),
        }
    }
}

fn tiles(width: f64, height: f64) -> u64 {
    let fit = (2_048.0 / width.max(height)).min(1.0);
    let (width, height) = ((width * fit).max(1.0), (height * fit).max(1.0));
    let shrink = (768.0 / width.min(height)).min(1.0);
    whole((width * shrink / 512.0).ceil()) * whole((height * shrink / 512.0).ceil())
}

fn patches(width: f64, height: f64) -> u64 {
    let all = (width / 32.0).ceil() * (height / 32.0).ceil();
    if all <= PATCHES_MAX {
        return whole(all);
    }
    // Shrunk to the most patches, then a little more so that one side is a whole number of patches.
    let shrink = (32.0 * 32.0 * PATCHES_MAX / (width * height)).sqrt();
    let (across, down) = (width * shrink / 32.0, height * shrink / 32.0);
    let fit = (across.floor() / across).min(down.floor() / down);
    whole((across * fit).round().clamp(1.0, PATCHES_MAX) * (down * fit).floor().max(1.0))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the casts saturate")]
fn whole(value: f64) -> u64 {
    value as u64
}

/// The size of an image within a URL.
fn size_of_data_url(url: &str) -> Option<(u32, u32)> {
    let (_, base64) = url.strip_prefix("data:image/")?.split_once(";base64,")?;
    let header = base64.as_bytes();
    let bytes = LENIENT.decode(&header[..header.len().min(HEADER_BASE64_MAX)]).ok()?;
    image_size::of(&bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_and_patches_are_those_of_the_vision_guide() {
        for (size, tokens) in [((1_024, 1_024), 765), ((2_048, 4_096), 1_105), ((512, 512), 255)] {
            assert_eq!(GPT_4.tokens(size), tokens, "{size:?}");
        }
        let once = Rule::Patches { factor_percent: 100 };
        for (size, tokens) in [((1_024, 1_024), 1_024), ((1_800, 2_400), 1_452)] {
            assert_eq!(once.tokens(size), tokens, "{size:?}");
        }
    }

    #[test]
    fn no_size_overflows() {
        for size in [(0, 0), (1, u32::MAX), (u32::MAX, u32::MAX), (u32::MAX, 1)] {
            assert!(GPT_4.tokens(size) <= 85 + 170 * 16, "{size:?}");
            let patches = Rule::Patches { factor_percent: 100 }.tokens(size);
            assert!((1..=1_536).contains(&patches), "{size:?}: {patches}");
        }
    }
}
