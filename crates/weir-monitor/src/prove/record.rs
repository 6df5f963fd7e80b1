//! Writes what tests found: into their file, where states are recorded, and as JUnit's XML, which builds show.

use std::fmt::Write as _;

use super::run::TestRun;

/// The text of a file of tests with the states that were found where others were expected, or none. Everything else stays
/// as it is written. States are in a table `[tests.expect]` of their own.
pub fn with_found_states(text: &str, runs: &[TestRun]) -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut current: Option<&TestRun> = None;
    let mut is_skipping = false;
    let mut tests = runs.iter();
    for line in text.lines() {
        let trimmed = line.trim();
        if trimmed.starts_with("[[tests]]") {
            finish(&mut lines, current.take());
            current = tests.next().filter(|run| run.has_new_states);
        }
        if trimmed.starts_with('[') {
            is_skipping = trimmed.starts_with("[tests.expect]") && current.is_some();
            if is_skipping && let Some(run) = current.take() {
                lines.push(line.to_owned());
                lines.extend(expected_lines(run));
                continue;
            }
        }
        // Blank lines and comments at the end of the table belong to what follows.
        if is_skipping && !trimmed.is_empty() && !trimmed.starts_with('#') {
            continue;
        }
        lines.push(line.to_owned());
    }
    finish(&mut lines, current);
    lines.join("\n") + "\n"
}

/// Adds the table to a test that has none.
fn finish(lines: &mut Vec<String>, run: Option<&TestRun>) {
    let Some(run) = run else { return };
    // Blank lines and comments before the next test are about that one.
    let is_between = |line: &&String| line.trim().is_empty() || line.trim_start().starts_with('#');
    let between = lines.split_off(lines.len() - lines.iter().rev().take_while(is_between).count());
    lines.push("[tests.expect]".to_owned());
    lines.extend(expected_lines(run));
    lines.extend(between);
}

fn expected_lines(run: &TestRun) -> Vec<String> {
    let line = |(group, states): &(String, Vec<super::expect::FoundState>)| {
        let states: Vec<String> = states.iter().map(|state| format!("\"{state}\"")).collect();
        format!("{} = [{}]", toml::Value::String(group.clone()), states.join(", "))
    };
    run.found.iter().map(line).collect()
}

/// JUnit's XML of the tests of some files.
pub fn junit(files: &[(String, Vec<TestRun>)]) -> String {
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
    for (file, runs) in files {
        let failures = runs.iter().filter(|run| !run.problems.is_empty()).count();
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{failures}\">",
            escaped(file),
            runs.len()
        );
        for run in runs {
            let (name, class) = (escaped(&run.name), escaped(&run.monitor));
            let (file, line) = (escaped(file), run.line);
            let _ = write!(
                text,
                "    <testcase name=\"{name}\" classname=\"{class}\" file=\"{file}\" line=\"{line}\""
            );
            if run.problems.is_empty() {
                text.push_str("/>\n");
            } else {
                let told =
                    run.problems.iter().map(|problem| format!("line {}: {}", problem.line, problem.text));
                let problems = escaped(&told.collect::<Vec<_>>().join("\n"));
                let _ = writeln!(text, ">\n      <failure message=\"{problems}\"/>\n    </testcase>");
            }
        }
        text.push_str("  </testsuite>\n");
    }
    text.push_str("</testsuites>\n");
    text
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' => escaped.push_str("&#10;"),
            // XML has no other control characters.
            c if c.is_control() => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped
}
