//! The reference page says what the code does.

use weir_query::{parse, reference};

/// `docs/reference/query-language.md`, seen from this crate.
const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/query-language.md");

#[test]
fn the_page_in_the_book_is_the_one_that_the_code_makes() {
    let made = reference();
    if std::env::var_os("WEIR_UPDATE_DOCS").is_some() {
        std::fs::write(PAGE, &made).unwrap();
    }
    let page = std::fs::read_to_string(PAGE).unwrap_or_default();
    assert!(
        page == made,
        "{PAGE} is stale: run WEIR_UPDATE_DOCS=1 cargo test -p weir-query --test query reference"
    );
}

#[test]
fn every_query_on_the_page_parses() {
    let page = reference();
    let mut queries = 0;
    for block in page.split("```text\n").skip(1) {
        let code = block.split("```").next().unwrap_or_default();
        for line in code.lines().filter(|line| !line.starts_with('{')) {
            parse(line).unwrap_or_else(|error| panic!("{}", error.render(line)));
            queries += 1;
        }
        for line in code.lines().filter(|line| line.starts_with('{')) {
            let scope = line.split("    ").next().unwrap_or_default();
            weir_query::parse_scope(scope).unwrap_or_else(|error| panic!("{}", error.render(scope)));
        }
    }
    assert!(queries > 25, "{queries} queries were found");
}

#[test]
fn the_words_for_other_names_are_true() {
    use weir_types::metric::{canonical_metric, canonical_tag};
    assert_eq!(canonical_metric("token_spend"), "llm.cost.usd");
    for (alias, tag) in
        [("model_name", "model"), ("agent_id", "agent"), ("ml_app", "app"), ("session_id", "session")]
    {
        assert_eq!(canonical_tag(alias), tag);
        assert!(reference().contains(&format!("`{alias}` is `{tag}`")));
    }
}
