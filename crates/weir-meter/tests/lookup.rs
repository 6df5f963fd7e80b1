//! Which price a model name leads to: the table of `docs/reference/prices.md`, row by row, on a list made for it.

use weir_meter::{MeterError, PriceBook, PriceOverride};

/// Each model's input price is its own, so that the price tells which entry was found.
const LIST: &str = r#"{"schema":1,"version":"2026-01-02","providers":[
{"provider":"anthropic","models":[
  {"model":"claude-3-5-sonnet-20240620","rates":[{"input":1,"output":1}]},
  {"model":"claude-3-5-sonnet-20241022","rates":[{"input":2,"output":1}]},
  {"model":"claude-sonnet-4-5","rates":[{"input":3,"output":1}]}]},
{"provider":"openai","models":[
  {"model":"gpt-4o","rates":[{"input":10,"output":1}]},
  {"model":"gpt-4o-2024-05-13","rates":[{"input":11,"output":1}]},
  {"model":"gpt-4o-mini","rates":[{"input":12,"output":1}]},
  {"model":"gpt-4-0613","rates":[{"input":13,"output":1}]},
  {"model":"ft:gpt-4o-2024-08-06","rates":[{"input":14,"output":1}]},
  {"model":"gpt-3.5-turbo","rates":[{"input":15,"output":1}]},
  {"model":"o3","rates":[{"input":16,"output":1}]}]},
{"provider":"azure","models":[
  {"model":"gpt-4o","rates":[{"input":20,"output":1}]},
  {"model":"eu/gpt-4o","rates":[{"input":21,"output":1}]}]},
{"provider":"azure_ai","models":[{"model":"Mistral-Large-3","rates":[{"input":25,"output":1}]}]},
{"provider":"bedrock","models":[
  {"model":"anthropic.claude-3-5-sonnet-20240620-v1:0","rates":[{"input":30,"output":1}]},
  {"model":"eu.anthropic.claude-3-5-sonnet-20240620-v1:0","rates":[{"input":31,"output":1}]},
  {"model":"amazon.nova-pro-v1:0","rates":[{"input":32,"output":1}]}]},
{"provider":"vertex","models":[{"model":"claude-3-5-haiku@20241022","rates":[{"input":40,"output":1}]}]},
{"provider":"gemini","models":[{"model":"gemini-2.5-pro","rates":[{"input":50,"output":1}]}]},
{"provider":"databricks","models":[
  {"model":"databricks-claude-sonnet-4","rates":[{"input":60,"output":1}]},
  {"model":"databricks-meta-llama-3-3-70b-instruct","rates":[{"input":61,"output":1}]}]},
{"provider":"fireworks","models":[{"model":"deepseek-v3","rates":[{"input":70,"output":1}]}]},
{"provider":"openrouter","models":[{"model":"openai/gpt-4o","rates":[{"input":80,"output":1}]}]},
{"provider":"cohere","models":[{"model":"rerank-v3.5","mode":"rerank","request":2000000000,"rates":[{"input":0}]}]}
]}"#;

fn book() -> PriceBook {
    PriceBook::from_json(LIST.as_bytes()).expect("the test's list")
}

fn found(book: &PriceBook, provider: &str, model: &str) -> Option<i64> {
    book.price(provider, model).map(|price| price.standard().input.0)
}

#[test]
fn each_spelling_leads_to_its_entry() {
    let book = book();
    for (provider, model, input, why) in [
        ("openai", "gpt-4o", Some(10), "exact"),
        ("OpenAI", " GPT-4o ", Some(10), "case and blanks make no difference"),
        ("openai", "gpt-4o-2024-05-13", Some(11), "a dated name has its own price"),
        ("openai", "gpt-4o-2024-08-06", Some(10), "an unknown date: the undated name"),
        ("openai", "gpt-4o-latest", Some(10), "latest is no date"),
        ("openai", "gpt-4o-mini-2024-07-18", Some(12), "a date is taken off at the end only"),
        ("openai", "gpt-4", Some(13), "undated: the newest dated name"),
        ("openai", "gpt-4-0314", Some(13), "an unknown date without an undated name: the newest"),
        ("openai", "gpt-4-turbo", None, "another model"),
        ("openai", "gpt-4o-nano", None, "another model"),
        ("anthropic", "claude-3-5-sonnet-latest", Some(2), "the newest date"),
        ("anthropic", "claude-3-5-sonnet@20240620", Some(1), "the same date, written differently"),
        ("anthropic", "claude-sonnet-4-5-20250929", Some(3), "a date of eight digits"),
        ("anthropic", "claude-sonnet-4", None, "4 is not 4-5"),
        ("openai", "ft:gpt-4o-2024-08-06:org::id", Some(14), "a fine-tune has the price of fine-tunes"),
        ("openai", "ft:gpt-4o-2030-01-01:org:name:id", Some(14), "and of its newest date"),
        ("openai", "ft:gpt-4o-mini:org::id", None, "and never that of the base model"),
        ("openai", "gpt-35-turbo", Some(15), "Azure's spelling"),
        ("openai", "openai/gpt-4o", Some(10), "the provider's own prefix"),
        ("openai", "anthropic/claude-sonnet-4-5", None, "another provider's model is not sold here"),
        ("azure", "gpt-4o-2024-08-06", Some(20), "Azure's own price first"),
        ("azure", "eu/gpt-4o-2024-08-06", Some(21), "a data zone's price"),
        ("azure", "azure/eu/gpt-4o", Some(21), "behind a prefix"),
        ("azure", "gpt-4o-mini", Some(12), "sold at OpenAI's price"),
        ("azure", "mistral-large-3", Some(25), "sold by Azure AI"),
        ("azure.ai.openai", "gpt-4o", Some(20), "OpenTelemetry's name for Azure"),
        ("azure", "my-deployment", None, "a deployment's name says nothing"),
        ("bedrock", "anthropic.claude-3-5-sonnet-20240620-v1:0", Some(30), "exact"),
        ("bedrock", "eu.anthropic.claude-3-5-sonnet-20240620-v1:0", Some(31), "a region with its own price"),
        ("aws.bedrock", "us.amazon.nova-pro-v1:0", Some(32), "a region without"),
        ("bedrock", "amazon.nova-pro", Some(32), "without the version"),
        ("bedrock", "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-pro-v1:0", Some(32), "an ARN"),
        ("vertex", "claude-3-5-haiku", Some(40), "the newest date"),
        ("vertex_ai", "publishers/anthropic/models/claude-3-5-haiku@latest", Some(40), "a path"),
        ("gcp.vertex_ai", "gemini-2.5-pro", Some(50), "sold at Gemini's price"),
        ("google", "models/gemini-2.5-pro-001", Some(50), "Gemini's path and version"),
        ("databricks", "databricks-claude-sonnet-4", Some(60), "exact"),
        ("databricks", "claude-sonnet-4", Some(60), "without the prefix"),
        ("databricks", "us.anthropic.claude-sonnet-4-20250514-v1:0", Some(60), "the maker's spelling"),
        ("databricks", "meta-llama-3.3-70b-instruct-121024", Some(61), "the maker's spelling"),
        ("fireworks_ai", "accounts/fireworks/models/deepseek-v3", Some(70), "Fireworks' path"),
        ("openrouter", "openai/gpt-4o", Some(80), "the router's own price first"),
        ("openrouter", "anthropic/claude-sonnet-4-5", Some(3), "else the maker's"),
        ("corp-gateway", "gpt-4o-mini", Some(12), "a provider of the operator's own: the maker's price"),
        ("corp-gateway", "o3-2025-04-16", Some(16), "the same"),
        ("corp-gateway", "databricks-claude-sonnet-4", Some(60), "the same"),
        ("corp-gateway", "azure/eu/gpt-4o", Some(21), "the prefix says who sells it"),
        ("vllm", "llama-3.1-8b", None, "nobody's price is guessed"),
        ("ollama", "olmo-2", None, "nobody's price is guessed"),
        ("", "", None, "nothing is nothing"),
    ] {
        assert_eq!(found(&book, provider, model), input, "{provider} {model}: {why}");
        assert_eq!(found(&book, provider, model), input, "{provider} {model}: the same when remembered");
    }
}

#[test]
fn strange_names_are_unpriced_and_never_panic() {
    let book = book();
    let long = "a/".repeat(5_000);
    for name in [
        "/",
        "//",
        "-",
        "@",
        ":",
        "ft:",
        "-v1:0",
        "é",
        "-2024-é8-06",
        "openai/openai/openai/",
        "-latest",
        &long,
    ] {
        for provider in ["openai", "bedrock", "databricks", "vertex", "openrouter", name] {
            assert_eq!(found(&book, provider, name), None, "{provider} {:?}", name.get(..20));
        }
    }
}

fn negotiated(model: &str, input: &str) -> PriceOverride {
    PriceOverride {
        model: model.into(),
        input_usd_per_million: Some(input.into()),
        output_usd_per_million: Some("8".into()),
        ..PriceOverride::default()
    }
}

#[test]
fn the_first_override_that_fits_goes_before_the_list() {
    let on_azure =
        PriceOverride { provider: Some("azure_openai".into()), ..negotiated("gpt-4o*", "0.000007") };
    let book = book()
        .with_overrides(vec![on_azure, negotiated("llama-*", "0"), negotiated("gpt-4o", "0.000009")])
        .expect("the test's overrides");
    for (provider, model, input) in [
        ("azure", "gpt-4o-2024-08-06", Some(7)),
        ("AZURE", "azure/gpt-4o", Some(7)),
        ("openai", "gpt-4o", Some(9)),
        ("openai", "gpt-4o-mini", Some(12)),
        ("vllm", "llama-3.1-8b", Some(0)),
        ("vllm", "qwen3", None),
    ] {
        assert_eq!(found(&book, provider, model), input, "{provider} {model}");
    }
}

#[test]
fn the_version_names_the_list_and_the_overrides() {
    assert_eq!(&**book().version(), "2026-01-02");
    let with = |input: &str| {
        let book = book().with_overrides(vec![negotiated("m", input)]).expect("the test's overrides");
        book.version().to_string()
    };
    assert_eq!(with("1"), with("1"));
    assert_ne!(with("1"), with("2"));
    assert!(with("1").starts_with("2026-01-02+"), "{}", with("1"));
}

#[test]
fn overrides_that_are_wrong_say_what_and_where() {
    let wrong = |rule: PriceOverride| {
        book().with_overrides(vec![negotiated("a", "1"), rule]).expect_err("it is wrong").to_string()
    };
    assert_eq!(
        wrong(negotiated("gpt-*", "1e-3")),
        "price override 1 (gpt-*): input_usd_per_million = \"1e-3\" is not a plain decimal number; \
         write dollars such as \"2.50\""
    );
    assert_eq!(
        wrong(PriceOverride { output_usd_per_million: None, ..negotiated("m", "1") }),
        "price override 1 (m): output_usd_per_million is missing; write \"0\" if it is free"
    );
    assert_eq!(wrong(negotiated(" ", "1")), "price override 1: model is empty; write \"*\" for every model");
}

#[test]
fn lists_that_are_wrong_are_refused() {
    let with_models = |models: &str| {
        format!(r#"{{"schema":1,"version":"v","providers":[{{"provider":"p","models":[{models}]}}]}}"#)
    };
    let refused = |list: &str| PriceBook::from_json(list.as_bytes()).expect_err("it is wrong");
    let model = |rates: &str| with_models(&format!(r#"{{"model":"m","rates":[{rates}]}}"#));
    for (list, reason) in [
        (model(r#"{"input":0,"output":0}"#), "is free; only an override in the configuration can say so"),
        (model(r#"{"input":1}"#), "has rates without output"),
        (model(r#"{"input":1,"output":-1}"#), "has a negative price"),
        (model(r#"{"above":5,"input":1,"output":1}"#), "has no standard rates from 0 tokens on"),
        (model(""), "has no standard rates from 0 tokens on"),
        (
            with_models(
                r#"{"model":"m","rates":[{"input":1,"output":1}]},{"model":"M","rates":[{"input":2,"output":1}]}"#,
            ),
            "is in the list twice",
        ),
    ] {
        let expected = MeterError::Model { provider: "p".into(), model: "m".into(), reason };
        assert_eq!(refused(&list), expected, "{list}");
    }
    assert!(matches!(refused("{}"), MeterError::List { .. }));
    assert!(
        matches!(refused(&model(r#"{"input":1.5,"output":1}"#)), MeterError::List { .. }),
        "no fractions"
    );
    assert!(
        matches!(refused(&model(r#"{"input":1,"output":1,"outptu":1}"#)), MeterError::List { .. }),
        "no typos"
    );
    assert_eq!(
        refused(r#"{"schema":2,"version":"v","providers":[]}"#),
        MeterError::Schema { found: 2, known: 1 }
    );
}

#[test]
fn the_bundled_list_is_whole_and_nothing_in_it_is_free() {
    let book = PriceBook::bundled();
    assert!(book.models().count() > 1_500);
    for listed in book.models() {
        let standard = listed.price.standard();
        let paid = standard.input.0 > 0 || standard.output.0 > 0 || listed.price.request_pico_usd > 0;
        assert!(paid, "{}/{} is free", listed.provider, listed.model);
        let found = book.price(listed.provider, listed.model);
        assert_eq!(
            found,
            Some(listed.price),
            "{}/{} is found by its own name",
            listed.provider,
            listed.model
        );
    }
    for (provider, model) in [
        ("openai", "gpt-4o-mini-2024-07-18"),
        ("openai", "text-embedding-3-small"),
        ("anthropic", "claude-sonnet-4-5-20250929"),
        ("anthropic", "claude-3-5-haiku-latest"),
        ("azure", "gpt-4o"),
        ("databricks", "databricks-claude-sonnet-4"),
        ("bedrock", "us.anthropic.claude-sonnet-4-20250514-v1:0"),
        ("vertex", "gemini-2.5-pro"),
        ("groq", "llama-3.1-8b-instant"),
        ("mistral", "mistral-large-latest"),
        ("deepseek", "deepseek-chat"),
        ("cohere", "rerank-v3.5"),
    ] {
        assert!(book.price(provider, model).is_some(), "{provider}/{model} has no price");
    }
}
