//! Choosing what goes: units from the oldest on, then middles of texts, the longest first.
//!
//! What stays is weighed from what must stay to what is oldest, so that the tokens of what goes are never counted.

use weir_dialect::{Edit, Kind, Role};

use super::cut::{TEXT_TOKENS_MIN, cut};
use super::scale::Scale;
use super::units::{last_spoken, removable};

/// How a request becomes smaller.
pub(super) struct Shortened {
    pub edits: Vec<Edit>,
    /// What it has then.
    pub tokens: u64,
    /// Entries that went.
    pub entries: usize,
    /// Texts that were cut.
    pub texts: usize,
}

/// What to change so that a request has at most `target` tokens, or as few as it can. `None` when nothing can go.
pub(super) fn shorten(scale: &mut Scale<'_>, target: u64) -> Option<Shortened> {
    let units = removable(&scale.outline);
    let mut is_kept = vec![true; scale.outline.entries.len()];
    for unit in &units {
        for number in unit.clone() {
            is_kept[number] = scale.outline.entries[number].role == Role::System;
        }
    }
    let cuts = match kept_within(scale, &is_kept, target) {
        Some(tokens) => {
            let tokens = keep_what_fits(scale, &units, &mut is_kept, tokens, target);
            Cuts { tokens, edits: Vec::new() }
        }
        None => cut_texts(scale, &is_kept, target),
    };
    let entries = is_kept.iter().filter(|is_kept| !**is_kept).count();
    if entries == 0 && cuts.edits.is_empty() {
        return None;
    }
    let texts = cuts.edits.len();
    let mut edits = cuts.edits;
    edits.extend(scale.outline.removal(|number| is_kept[number]));
    Some(Shortened { edits, tokens: cuts.tokens, entries, texts })
}

/// Tokens of what is kept when there are at most `limit`.
fn kept_within(scale: &mut Scale<'_>, is_kept: &[bool], limit: u64) -> Option<u64> {
    let mut sum = scale.fixed;
    for text in scale.texts_apart() {
        sum += scale.text_within(text, limit.checked_sub(sum)?)?;
    }
    for number in (0..is_kept.len()).rev().filter(|number| is_kept[*number]) {
        sum += scale.entry_within(number, limit.checked_sub(sum)?)?;
    }
    (sum <= limit).then_some(sum)
}

/// Takes units back from the newest on as long as they fit; the sum afterwards.
fn keep_what_fits(
    scale: &mut Scale<'_>,
    units: &[std::ops::Range<usize>],
    is_kept: &mut [bool],
    tokens: u64,
    target: u64,
) -> u64 {
    let mut sum = tokens;
    for unit in units.iter().rev() {
        let mut with_unit = sum;
        for number in unit.clone().filter(|number| !is_kept[*number]).rev() {
            let Some(tokens) = scale.entry_within(number, target - with_unit) else { return sum };
            with_unit += tokens;
        }
        sum = with_unit;
        unit.clone().for_each(|number| is_kept[number] = true);
    }
    sum
}

/// Texts that were cut.
struct Cuts {
    edits: Vec<Edit>,
    /// Tokens of everything that is kept.
    tokens: u64,
}

/// Cuts texts of what is kept, so that it is within the target.
fn cut_texts(scale: &mut Scale<'_>, is_kept: &[bool], target: u64) -> Cuts {
    let kept: Vec<usize> = (0..is_kept.len()).filter(|number| is_kept[*number]).collect();
    let shells: u64 = kept.iter().map(|number| scale.shell(*number)).sum();
    let around = scale.fixed + shells;
    let texts: Vec<usize> =
        scale.texts_apart().chain(kept.iter().flat_map(|number| scale.texts_of(*number))).collect();
    let Some(free) = target.checked_sub(around).filter(|free| *free >= TEXT_TOKENS_MIN) else {
        return Cuts { edits: Vec::new(), tokens: weigh(scale, &texts).saturating_add(around) };
    };
    let spoken = last_spoken(&scale.outline);
    let is_precious = |text: &usize| {
        let weighed = &scale.texts[*text];
        weighed.text.kind == Kind::System || weighed.text.kind == Kind::User && weighed.entry == spoken
    };
    let (precious, others): (Vec<usize>, Vec<usize>) = texts.iter().partition(|text| is_precious(text));
    let of_precious = precious
        .iter()
        .try_fold(0, |sum, text| Some(sum + scale.text_within(*text, free.checked_sub(sum)?)?));
    let level = of_precious.and_then(|precious| level(scale, &others, free.checked_sub(precious)?));
    let (cut_from, level, whole) = match (level, of_precious) {
        (Some(level), Some(of_precious)) => (&others, level, of_precious),
        _ => match self::level(scale, &texts, free) {
            Some(level) => (&texts, level, 0),
            None => return Cuts { edits: Vec::new(), tokens: weigh(scale, &texts).saturating_add(around) },
        },
    };
    let mut cuts = Cuts { edits: Vec::new(), tokens: around + whole };
    for text in cut_from {
        let within = scale.text_within(*text, level);
        let cut = if within.is_none() { cut(scale, *text, level) } else { None };
        cuts.tokens += match (within, cut) {
            (Some(tokens), _) => tokens,
            (None, Some((edit, tokens))) => {
                cuts.edits.push(edit);
                tokens
            }
            (None, None) => scale.roughly(*text),
        };
    }
    cuts
}

/// How many tokens each text may have, so that all of them together have at most `free`: texts below the level stay
/// whole, the others get the same share. `None` when that would leave nothing of them.
fn level(scale: &mut Scale<'_>, texts: &[usize], free: u64) -> Option<u64> {
    let mut counts: Vec<Option<u64>> = texts.iter().map(|text| scale.text_within(*text, free)).collect();
    // The longest, of which nobody knows how long they are, come last.
    counts.sort_by_key(|count| count.unwrap_or(u64::MAX));
    let mut left = free;
    for (number, count) in counts.iter().enumerate() {
        let share = left / (counts.len() - number) as u64;
        match count {
            Some(tokens) if *tokens <= share => left -= tokens,
            _ => return Some(share).filter(|share| *share >= TEXT_TOKENS_MIN),
        }
    }
    Some(free)
}

/// Tokens of texts that stay as they are.
fn weigh(scale: &mut Scale<'_>, texts: &[usize]) -> u64 {
    texts.iter().map(|text| scale.roughly(*text)).fold(0, u64::saturating_add)
}
