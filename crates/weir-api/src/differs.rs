//! Ranks tags by how much two sets of spans differ in them.
//!
//! The score of a tag is the largest difference between the shares of one value on both sides, 0 to 1. A value that was
//! seen three times says little: each side's share is drawn towards the share of both together as if that had been seen
//! [`PRIOR_SPANS`] times more (additive smoothing), so that small counts must differ strongly to come first.

use weir_types::{Contrast, ContrastTag, ContrastValue};

use crate::wire::{DifferingTag, DifferingValue, DiffersAnswer};

/// How many spans the common share counts for. Ten is where a share begins to mean something.
const PRIOR_SPANS: f64 = 10.0;

/// Tags that are returned: what a person reads.
const TAGS_MAX: usize = 40;

/// Values of each tag that are returned.
const VALUES_MAX: usize = 12;

/// A difference that nobody would see.
const SCORE_MIN: f64 = 0.005;

/// The tags that differ, most first.
pub(crate) fn rank(contrast: Contrast) -> DiffersAnswer {
    let Contrast { selected, rest, selected_seen, rest_seen, tags } = contrast;
    let seen = Seen { selected: selected_seen, rest: rest_seen };
    let mut tags: Vec<_> = tags.into_iter().map(|tag| seen.judge(tag)).collect();
    tags.retain(|tag| tag.score >= SCORE_MIN);
    tags.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.tag.cmp(&b.tag)));
    tags.truncate(TAGS_MAX);
    DiffersAnswer { selected, rest, selected_seen, rest_seen, tags }
}

/// How many spans were looked at on either side.
#[derive(Clone, Copy)]
struct Seen {
    selected: u64,
    rest: u64,
}

impl Seen {
    fn judge(self, mut tag: ContrastTag) -> DifferingTag {
        self.add_absent(&mut tag);
        let mut judged: Vec<_> = tag
            .values
            .into_iter()
            .map(|ContrastValue { value, selected, rest }| {
                let item = DifferingValue {
                    value,
                    selected,
                    rest,
                    selected_share: share(selected as f64, self.selected as f64),
                    rest_share: share(rest as f64, self.rest as f64),
                };
                (self.difference(selected as f64, rest as f64), item)
            })
            .collect();
        judged.sort_by(|(a, _), (b, _)| b.total_cmp(a));
        judged.truncate(VALUES_MAX);
        let score = judged.first().map_or(0.0, |(difference, _)| *difference);
        DifferingTag { tag: tag.tag, score, values: judged.into_iter().map(|(_, value)| value).collect() }
    }

    /// An attribute that a span does not have is no row of the store: the spans that its values leave have none.
    fn add_absent(self, tag: &mut ContrastTag) {
        if tag.values.iter().any(|value| value.value.is_none()) || !tag.tag.starts_with("attributes.") {
            return;
        }
        let left = |seen: u64, count: fn(&ContrastValue) -> u64| {
            seen.saturating_sub(tag.values.iter().map(count).sum::<u64>())
        };
        let selected = left(self.selected, |value| value.selected);
        let rest = left(self.rest, |value| value.rest);
        if selected + rest > 0 {
            tag.values.push(ContrastValue { value: None, selected, rest });
        }
    }

    /// The difference of the smoothed shares of one value.
    fn difference(self, selected: f64, rest: f64) -> f64 {
        let (all_selected, all_rest) = (self.selected as f64, self.rest as f64);
        if self.selected == 0 || self.rest == 0 {
            return 0.0;
        }
        let common = share(selected + rest, all_selected + all_rest);
        let smoothed = |count: f64, of: f64| (count + PRIOR_SPANS * common) / (of + PRIOR_SPANS);
        (smoothed(selected, all_selected) - smoothed(rest, all_rest)).abs()
    }
}

fn share(count: f64, of: f64) -> f64 {
    if of > 0.0 { count / of } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(name: &str, values: &[(Option<&str>, u64, u64)]) -> ContrastTag {
        let values = values.iter().map(|&(value, selected, rest)| ContrastValue {
            value: value.map(str::to_owned),
            selected,
            rest,
        });
        ContrastTag { tag: name.to_owned(), values: values.collect() }
    }

    fn ranked(selected: u64, rest: u64, tags: Vec<ContrastTag>) -> DiffersAnswer {
        rank(Contrast { selected, rest, selected_seen: selected, rest_seen: rest, tags })
    }

    #[test]
    fn what_differs_most_comes_first_and_what_is_the_same_does_not_come() {
        let answer = ranked(
            100,
            100,
            vec![
                tag("same", &[(Some("x"), 100, 100)]),
                tag("some", &[(Some("a"), 60, 40), (Some("b"), 40, 60)]),
                tag("much", &[(Some("a"), 95, 5), (None, 5, 95)]),
            ],
        );
        let names: Vec<_> = answer.tags.iter().map(|tag| tag.tag.as_str()).collect();
        assert_eq!(names, ["much", "some"]);
        let value = &answer.tags[0].values[0];
        assert!((value.selected_share - 0.95).abs() < 1e-9 && (value.rest_share - 0.05).abs() < 1e-9);
    }

    #[test]
    fn small_counts_must_differ_strongly() {
        let few = ranked(3, 1_000, vec![tag("t", &[(Some("a"), 3, 500)])]).tags[0].score;
        let many = ranked(300, 1_000, vec![tag("t", &[(Some("a"), 300, 500)])]).tags[0].score;
        assert!(few < 0.3 * many, "{few} against {many}");
    }

    #[test]
    fn spans_without_an_attribute_count_as_without_value() {
        let answer = ranked(10, 10, vec![tag("attributes.region", &[(Some("eu"), 10, 1)])]);
        let absent = answer.tags[0].values.iter().find(|value| value.value.is_none()).unwrap();
        assert_eq!((absent.selected, absent.rest), (0, 9));
    }

    #[test]
    fn nothing_differs_from_nothing() {
        assert!(ranked(0, 5, vec![tag("t", &[(Some("a"), 0, 5)])]).tags.is_empty());
    }
}
