//! A group of a monitor as one text, as addresses and parameters carry it: `model:gpt-4o,app:checkout`.
//!
//! A comma and a percent sign within a value, and a colon within a name, are percent-encoded; everything else stays as it
//! is, so that people can read and write it. A monitor without groups has one, whose text is empty.

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
use weir_types::{TagKey, Tags};

use crate::error::ApiError;

const IN_VALUE: &AsciiSet = &CONTROLS.add(b'%').add(b',');
const IN_NAME: &AsciiSet = &IN_VALUE.add(b':');

/// Writes a group.
pub(crate) fn of(group: &Tags) -> String {
    let pairs = group.iter().map(|(key, value)| {
        format!("{}:{}", utf8_percent_encode(key.as_str(), IN_NAME), utf8_percent_encode(value, IN_VALUE))
    });
    pairs.collect::<Vec<_>>().join(",")
}

/// Reads a group.
pub(crate) fn parse(text: &str) -> Result<Tags, ApiError> {
    let refuse = || ApiError::parameter("group", text, "tags and values, such as model:gpt-4o,app:checkout");
    let decode = |part| percent_decode_str(part).decode_utf8().map_err(|_| refuse());
    let mut tags = Tags::new();
    for pair in text.split(',').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once(':').ok_or_else(refuse)?;
        tags.set(TagKey::new(&decode(key)?), &*decode(value)?);
    }
    Ok(tags)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_group_reads_as_people_write_it() {
        let group: Tags = [("model", "gpt-4o"), ("app", "a,b:c 100%")].into_iter().collect();
        assert_eq!(of(&group), "app:a%2Cb:c 100%25,model:gpt-4o");
        assert_eq!(parse("model_name:gpt-4o,app:a%2Cb:c 100%25"), Ok(group));
        assert_eq!(of(&Tags::new()), "");
        assert!(parse("gpt-4o").unwrap_err().to_string().contains("model:gpt-4o"));
    }

    proptest! {
        #[test]
        fn every_group_reads_back(pairs in prop::collection::vec(("[a-z:,%.]{1,8}", "\\PC{0,12}"), 0..4)) {
            let group: Tags = pairs.into_iter().collect();
            prop_assert_eq!(parse(&of(&group)), Ok(group));
        }
    }
}
