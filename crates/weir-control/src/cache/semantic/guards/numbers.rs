//! Numbers, units and dates in a text, in one spelling.

use std::collections::BTreeSet;

use super::words::Words;

/// Numbers that are written as words. "One" and "second" are too often no number.
const NUMBER_WORDS: [(&str, &str); 38] = [
    ("zero", "0"),
    ("two", "2"),
    ("three", "3"),
    ("four", "4"),
    ("five", "5"),
    ("six", "6"),
    ("seven", "7"),
    ("eight", "8"),
    ("nine", "9"),
    ("ten", "10"),
    ("eleven", "11"),
    ("twelve", "12"),
    ("thirteen", "13"),
    ("fourteen", "14"),
    ("fifteen", "15"),
    ("sixteen", "16"),
    ("seventeen", "17"),
    ("eighteen", "18"),
    ("nineteen", "19"),
    ("twenty", "20"),
    ("thirty", "30"),
    ("forty", "40"),
    ("fifty", "50"),
    ("sixty", "60"),
    ("seventy", "70"),
    ("eighty", "80"),
    ("ninety", "90"),
    ("hundred", "100"),
    ("thousand", "1000"),
    ("million", "1000000"),
    ("billion", "1000000000"),
    ("dozen", "12"),
    ("half", "half"),
    ("quarter", "quarter"),
    ("third", "3rd"),
    ("twice", "twice"),
    ("double", "twice"),
    ("triple", "thrice"),
];

/// Units, each with its spellings.
const UNITS: [(&str, &str); 36] = [
    ("%", " % percent percentage pct "),
    ("usd", " $ usd dollar dollars "),
    ("eur", " € eur euro euros "),
    ("gbp", " £ gbp pound-sterling sterling "),
    ("jpy", " ¥ jpy yen "),
    ("chf", " chf francs "),
    ("cny", " cny rmb yuan "),
    ("km", " km kilometer kilometers kilometre kilometres "),
    ("mi", " mile miles "),
    ("m", " meter meters metre metres "),
    ("cm", " cm centimeter centimeters centimetre centimetres "),
    ("mm", " mm millimeter millimeters millimetre millimetres "),
    ("ft", " ft foot feet "),
    ("inch", " inch inches "),
    ("yard", " yard yards "),
    ("kg", " kg kilo kilos kilogram kilograms "),
    ("g", " gram grams "),
    ("mg", " mg milligram milligrams "),
    ("lb", " lb lbs pound pounds "),
    ("oz", " oz ounce ounces "),
    ("l", " liter liters litre litres "),
    ("ml", " ml milliliter milliliters "),
    ("gal", " gallon gallons "),
    ("c", " °c celsius centigrade "),
    ("f", " °f fahrenheit "),
    ("kelvin", " kelvin "),
    ("s", " sec secs second seconds "),
    ("min", " min mins minute minutes "),
    ("h", " hr hrs hour hours hourly "),
    ("d", " day days daily "),
    ("w", " week weeks weekly "),
    ("mo", " month months monthly "),
    ("y", " year years yearly annual annually "),
    ("kb", " kb kilobyte kilobytes "),
    ("mb", " mb megabyte megabytes "),
    ("gb", " gb gigabyte gigabytes tb terabyte terabytes "),
];

/// Words that say when, each with its spellings.
const DATES: [(&str, &str); 29] = [
    ("jan", " jan january "),
    ("feb", " feb february "),
    ("mar", " march "),
    ("apr", " apr april "),
    ("may", " may "),
    ("jun", " jun june "),
    ("jul", " jul july "),
    ("aug", " aug august "),
    ("sep", " sep sept september "),
    ("oct", " oct october "),
    ("nov", " nov november "),
    ("dec", " dec december "),
    ("mon", " mon monday mondays "),
    ("tue", " tue tuesday tuesdays "),
    ("wed", " wed wednesday wednesdays "),
    ("thu", " thu thursday thursdays "),
    ("fri", " fri friday fridays "),
    ("sat", " saturday saturdays "),
    ("sun", " sunday sundays "),
    ("today", " today today's tonight "),
    ("tomorrow", " tomorrow tomorrow's "),
    ("yesterday", " yesterday yesterday's "),
    ("weekend", " weekend weekends "),
    ("spring", " spring "),
    ("summer", " summer "),
    ("autumn", " autumn fall "),
    ("winter", " winter "),
    ("morning", " morning mornings am "),
    ("evening", " evening evenings pm "),
];

/// Every number in order, as digits.
pub(super) fn numbers(words: &Words) -> Vec<String> {
    let mut numbers = Vec::new();
    for word in &words.all {
        if let Some((_, number)) = NUMBER_WORDS.iter().find(|(name, _)| *name == word.low) {
            numbers.push((*number).to_owned());
        } else if word.low.chars().any(char::is_numeric) {
            numbers.push(plain(&word.raw));
        }
    }
    numbers
}

/// A number without what writes it prettily; a word with digits in it (`gpt4`, `q3`) as it is.
fn plain(raw: &str) -> String {
    let is_part = |letter: &char| letter.is_alphanumeric() || matches!(letter, '.' | ':' | '-' | '/' | ',');
    let text: String = raw.chars().filter(is_part).collect::<String>().to_lowercase();
    let text =
        text.trim_matches(|letter: char| !letter.is_alphanumeric() && letter != '-').trim_end_matches('-');
    let text = text.replace(',', "");
    let bare = UNITS.iter().flat_map(|(_, names)| names.split_whitespace()).find_map(|unit| {
        text.strip_suffix(unit).filter(|rest| rest.ends_with(|letter: char| letter.is_ascii_digit()))
    });
    let text = bare.unwrap_or(&text);
    match text.parse::<f64>() {
        Ok(number) => number.to_string(),
        Err(_) => text.to_owned(),
    }
}

/// The units that a text speaks of.
pub(super) fn units(words: &Words) -> BTreeSet<&'static str> {
    let mut found = BTreeSet::new();
    for word in &words.all {
        found.extend(known(&UNITS, &word.low));
        let has_digits = word.low.chars().any(|letter| letter.is_ascii_digit());
        if has_digits {
            // What is written without a space: `5km`, `$5`, `20°C`, `15%`.
            let raw = word.raw.to_lowercase();
            let rest = raw.trim_matches(|letter: char| {
                letter.is_ascii_digit() || matches!(letter, '.' | ',' | '?' | '!' | '(' | ')')
            });
            found.extend(known(&UNITS, rest));
        } else if word.raw.starts_with('°') {
            found.extend(known(&UNITS, &format!("°{}", word.low)));
        }
    }
    found
}

/// Whether a word in small letters is a unit.
pub(super) fn is_unit(word: &str) -> bool {
    known(&UNITS, word).is_some()
}

/// When a text speaks of.
pub(super) fn dates(words: &Words) -> BTreeSet<&'static str> {
    let capitalised = |low: &str, raw: &str| low != "may" || raw.starts_with('M');
    let words = words.all.iter().filter(|word| capitalised(&word.low, &word.raw));
    let mut found: BTreeSet<_> = words.filter_map(|word| known(&DATES, &word.low)).collect();
    // "I am": the word for the morning is one only beside an hour, and that is told by its number.
    found.remove("morning");
    found
}

fn known(table: &[(&'static str, &str)], word: &str) -> Option<&'static str> {
    if word.is_empty() {
        return None;
    }
    table.iter().find(|(_, names)| names.contains(&format!(" {word} "))).map(|(name, _)| *name)
}
