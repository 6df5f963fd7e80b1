//! Negations, and words that stand opposite to each other.

use super::words::Words;

/// Words that negate. "Don't" and its kin are recognised by their ending.
const NEGATIONS: &str = " not no never none nobody nothing neither nor without cannot except excluding exclude excludes unless hardly \
    non dont cant wont isnt arent doesnt didnt shouldnt wasnt couldnt wouldnt avoid avoiding lack lacks lacking ";

/// Pairs whose sides exclude each other; forms of one side stand together. A word is on one side of one pair alone.
const PAIRS: [(&str, &str); 66] = [
    (
        "increase increases increasing raise raising grow",
        "decrease decreases decreasing reduce reducing lower lowering shrink",
    ),
    ("before until prior", "after afterwards since following"),
    ("above", "below beneath"),
    ("more", "less fewer"),
    ("most", "least"),
    ("maximum max highest maximize maximise", "minimum min lowest minimize minimise"),
    ("high higher", "low"),
    ("better", "worse"),
    ("good", "bad"),
    ("buy buying purchase bid", "sell selling sale"),
    ("open opening opened", "close closing closed shut"),
    ("start starting begin beginning launch", "stop stopping finish ending halt"),
    ("enable enabling enabled activate", "disable disabling disabled deactivate"),
    ("add adding insert append", "remove removing delete deleting"),
    ("install installing", "uninstall uninstalling"),
    ("encrypt encryption encrypting", "decrypt decryption decrypting"),
    ("encode encoding serialize", "decode decoding deserialize"),
    ("compress zip", "decompress unzip extract"),
    ("import importing", "export exporting"),
    ("upload uploading", "download downloading"),
    ("push pushing", "pull pulling"),
    ("send sending", "receive receiving"),
    ("ascending", "descending"),
    ("left", "right"),
    ("first", "last"),
    ("newest latest newer", "oldest earliest older"),
    ("early earlier", "late later"),
    ("win winning won", "lose losing lost"),
    ("profit profits gain", "loss losses"),
    ("income revenue", "expense expenses costs"),
    ("hot hotter heat warm", "cold colder cool"),
    ("long longer longest", "short shorter shortest"),
    ("large larger largest big bigger biggest", "small smaller smallest tiny"),
    ("cheap cheaper cheapest", "expensive dearest pricey"),
    ("fast faster fastest", "slow slower slowest"),
    ("love", "hate"),
    ("pros advantages advantage benefits benefit", "cons disadvantages disadvantage drawbacks drawback"),
    ("safe safely", "dangerous unsafe"),
    ("legal", "illegal"),
    ("true", "false"),
    ("accept accepting approve approving", "reject rejecting decline declining"),
    ("allow allowing permit allowed", "deny denying forbid block blocking"),
    ("grant granting", "revoke revoking"),
    ("lock locking", "unlock unlocking"),
    ("connect connecting", "disconnect disconnecting"),
    ("subscribe subscribing", "unsubscribe unsubscribing"),
    ("include including", "omit omitting"),
    ("inside indoor indoors", "outside outdoor outdoors"),
    ("positive", "negative"),
    ("synchronous sync", "asynchronous async"),
    ("read reading", "write writing"),
    ("even", "odd"),
    ("male men man boy", "female women woman girl"),
    ("mother mum mom", "father dad"),
    ("north northern", "south southern"),
    ("east eastern", "west western"),
    ("horizontal horizontally", "vertical vertically"),
    ("public", "private"),
    ("borrow borrowing", "lend lending"),
    ("arrive arrival arriving arrivals", "depart departure departing departures leave"),
    ("login", "logout"),
    ("always", "rarely seldom"),
    ("debit", "credit"),
    ("upgrade upgrading", "downgrade downgrading"),
    ("merge merging join", "split splitting"),
    ("on", "off"),
];

/// How often a text negates.
pub(super) fn negations(words: &Words) -> usize {
    let is_negation = |low: &str| low.ends_with("n't") || NEGATIONS.contains(&format!(" {low} "));
    words.all.iter().filter(|word| is_negation(&word.low)).count()
}

/// No pair has one side in one text alone and the other side in the other alone.
pub(super) fn agree(a: &Words, b: &Words) -> bool {
    PAIRS.iter().all(|pair| {
        let sides = |words: &Words| {
            let has =
                |names: &str| words.all.iter().any(|word| names.split(' ').any(|name| name == word.low));
            (has(pair.0), has(pair.1))
        };
        !matches!((sides(a), sides(b)), ((true, false), (false, true)) | ((false, true), (true, false)))
    })
}
