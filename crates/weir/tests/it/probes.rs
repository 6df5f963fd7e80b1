//! Probes: questions that Weir asks by itself, and what came of them.

use crate::support::*;

const CONFIG: &str = r#"
[[probes]]
name   = "answers-at-all"
model  = "gpt-4o-mini"
prompt = "What is a weir?"
expect = { contains_not = ["no model says this"], duration_ms_max = 600000, output_tokens_max = 100000 }

[[probes]]
name   = "knows-the-word"
model  = "gpt-4o-mini"
prompt = "Say xyzzy-42."
expect = { contains = ["xyzzy-42"], matches = '^\d+$' }

[[probes]]
name   = "nobody-serves-it"
model  = "no-such-model"
prompt = "Are you there?"
"#;

#[tokio::test]
async fn a_probe_is_asked_by_itself_and_what_it_met_is_a_score_of_its_span() {
    let (_simulator, weir) = weir_before_simulator(CONFIG).await;
    let rows = eventually("scores of three probes", async || {
        let rows = weir
            .sql(
                "SELECT tags['probe'], value, rationale, count(spans.span_id), any_value(spans.source), \
                 any_value(spans.app) FROM scores LEFT JOIN spans USING (trace_id) \
                 WHERE scores.name = 'weir.probe.passed' GROUP BY ALL ORDER BY 1",
            )
            .await
            .unwrap();
        (rows.len() == 3 && rows[..2].iter().all(|row| row[3] == 1)).then_some(rows)
    })
    .await
    .unwrap();

    assert_eq!((rows[0][0].as_str(), rows[0][1].as_f64()), (Some("answers-at-all"), Some(1.0)), "{rows:?}");
    assert_eq!(rows[0][4].as_str(), Some("probe"), "{rows:?}");
    assert_eq!(rows[0][5].as_str(), Some("weir-probe"), "{rows:?}");
    assert_eq!((rows[1][0].as_str(), rows[1][1].as_f64()), (Some("knows-the-word"), Some(0.0)), "{rows:?}");
    let why = rows[1][2].as_str().unwrap();
    assert!(why.contains(r#"lacks \"xyzzy-42\""#) && why.contains("and 1 more"), "{why}");
    assert_eq!((rows[2][0].as_str(), rows[2][1].as_f64()), (Some("nobody-serves-it"), Some(0.0)), "{rows:?}");
    assert!(rows[2][2].as_str().unwrap().contains("status 4"), "{rows:?}");
}

#[tokio::test]
async fn a_probe_that_cannot_be_read_is_named_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let twice = "[[probes]]\nname = \"a\"\nmodel = \"m\"\nprompt = \"p\"\nexpect = { matches = \"(\" }\n";
    std::fs::write(folder.path().join("weir.toml"), [twice, twice].concat()).unwrap();
    let problems = weir_in(folder.path(), &["check"]).await.bad();
    assert!(problems.contains("is no regular expression"), "{problems}");
    assert!(problems.contains("another probe with the name \"a\""), "{problems}");
}
