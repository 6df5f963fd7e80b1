//! A real hour, replayed: every call of the trace is in the store once, and every sum is the file's to the unit.

use std::path::{Path, PathBuf};

use crate::support::*;

/// One file of the trace, and the model its calls ask for, so that each can be told from the other.
struct Trace {
    path: PathBuf,
    model: &'static str,
}

/// What a file adds up to.
#[derive(Debug, PartialEq, Eq, Default, Clone, Copy)]
struct Sums {
    calls: i64,
    input_tokens: i64,
    output_tokens: i64,
}

/// Both files of the Azure trace of 2023, where they lie beside the checkout; the bundled sample otherwise.
fn traces() -> Vec<Trace> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let whole = [("conv", "gpt-4o-mini"), ("code", "gpt-4o")].map(|(name, model)| Trace {
        path: root.join(format!("../shared/data/azure_llm_2023_{name}.csv")),
        model,
    });
    if whole.iter().all(|trace| trace.path.is_file()) {
        return whole.into();
    }
    eprintln!("the whole Azure trace is not in ../shared/data: the bundled sample is replayed instead");
    vec![Trace { path: root.join("data/demo/azure_llm_2023_conv_sample.csv"), model: "gpt-4o-mini" }]
}

/// Adds a file up by itself, without the code under test.
fn sums_of(path: &Path) -> Sums {
    let text = std::fs::read_to_string(path).unwrap();
    let mut sums = Sums::default();
    for line in text.lines().skip(1).filter(|line| !line.is_empty()) {
        let mut fields = line.split(',').skip(1).map(|field| field.trim().parse::<i64>().unwrap());
        sums.calls += 1;
        sums.input_tokens += fields.next().unwrap();
        sums.output_tokens += fields.next().unwrap();
    }
    sums
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_call_of_the_trace_is_stored_once_with_its_tokens() {
    let (_simulator, weir) = weir_before_simulator("").await;
    let mut total = Sums::default();
    for Trace { path, model } in traces() {
        let expected = sums_of(&path);
        let server = weir.url("");
        let arguments =
            ["replay", path.to_str().unwrap(), "--speed", "max", "--model", model, "--server", &server];
        let told = crate::support::weir(&arguments).await.good();
        assert!(told.contains(&format!("{} answered, 0 failed", expected.calls)), "{told}");
        assert!(
            told.contains(&format!("tokens: {} in, {} out", expected.input_tokens, expected.output_tokens)),
            "{told}"
        );
        everything_stored(&weir).await;
        assert_eq!(in_spans(&weir, model).await, expected, "{model}");
        assert_eq!(in_cells(&weir, model).await, expected, "{model}");
        total.calls += expected.calls;
        total.input_tokens += expected.input_tokens;
        total.output_tokens += expected.output_tokens;
    }
    let whole = numbers(
        &weir,
        "select count(*), count(distinct span_id), count(*) filter (status = 'ok' and http_status = 200),
                sum(input_tokens)::bigint, sum(output_tokens)::bigint, count(*) filter (tokens_estimated) from spans",
    )
    .await;
    let calls = total.calls;
    assert_eq!(whole, [calls, calls, calls, total.input_tokens, total.output_tokens, 0]);
    assert_spend_agrees(&weir).await;
}

async fn in_spans(weir: &WeirProcess, model: &str) -> Sums {
    let statement = format!(
        "select count(distinct span_id), sum(input_tokens)::bigint, sum(output_tokens)::bigint from spans where model = '{model}'"
    );
    let found = numbers(weir, &statement).await;
    Sums { calls: found[0], input_tokens: found[1], output_tokens: found[2] }
}

/// What the query language says of the same; it answers such questions from cells.
async fn in_cells(weir: &WeirProcess, model: &str) -> Sums {
    let ask =
        async |metric: &str| whole_value_of(weir, &format!("sum({metric}) where {{model:{model}}}")).await;
    Sums {
        calls: ask("llm.request.count").await,
        input_tokens: ask("llm.tokens.input").await,
        output_tokens: ask("llm.tokens.output").await,
    }
}

/// Money is kept twice too: as integers in spans and as decimals in cells.
async fn assert_spend_agrees(weir: &WeirProcess) {
    let spend = numbers(
        weir,
        "select (select sum(cost_nano_usd)::bigint from spans),
                (select (sum(\"sum\") * 1000000000)::bigint from cells_1m where metric = 'llm.cost.usd')",
    )
    .await;
    assert!(spend[0] > 0);
    assert_eq!(spend[0], spend[1]);
}
