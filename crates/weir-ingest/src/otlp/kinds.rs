//! Which words of which dialect mean which kind of work, and which events of a span say what.

use weir_types::SpanKind;

/// A word of a dialect, as it stands in the attribute of the row `kind` of the mapping table, and the kind it means.
/// Words are compared without regard to case; `*` at the end stands for any rest.
pub(crate) const WORDS: &[(&str, SpanKind)] = &[
    // gen_ai.operation.name
    ("chat", SpanKind::Llm),
    ("text_completion", SpanKind::Llm),
    ("generate_content", SpanKind::Llm),
    ("embeddings", SpanKind::Embedding),
    ("retrieval", SpanKind::Retrieval),
    ("execute_tool", SpanKind::Tool),
    ("invoke_agent", SpanKind::Agent),
    ("create_agent", SpanKind::Agent),
    ("invoke_workflow", SpanKind::Workflow),
    // llm.request.type and traceloop.span.kind
    ("completion", SpanKind::Llm),
    ("responses", SpanKind::Llm),
    ("embedding", SpanKind::Embedding),
    ("rerank", SpanKind::Rerank),
    ("workflow", SpanKind::Workflow),
    ("task", SpanKind::Task),
    ("agent", SpanKind::Agent),
    ("tool", SpanKind::Tool),
    // openinference.span.kind
    ("llm", SpanKind::Llm),
    ("retriever", SpanKind::Retrieval),
    ("reranker", SpanKind::Rerank),
    ("chain", SpanKind::Workflow),
    ("guardrail", SpanKind::Guardrail),
    ("evaluator", SpanKind::Evaluation),
    ("prompt", SpanKind::Task),
    // ai.operationId: the call itself is within the span that prepares and repeats it
    ("ai.generatetext.dogenerate", SpanKind::Llm),
    ("ai.streamtext.dostream", SpanKind::Llm),
    ("ai.generateobject.dogenerate", SpanKind::Llm),
    ("ai.streamobject.dostream", SpanKind::Llm),
    ("ai.embed.doembed", SpanKind::Embedding),
    ("ai.embedmany.doembed", SpanKind::Embedding),
    ("ai.rerank.dorerank", SpanKind::Rerank),
    ("ai.toolcall", SpanKind::Tool),
    ("ai.*", SpanKind::Workflow),
    // mlflow.spanType
    ("chat_model", SpanKind::Llm),
    ("parser", SpanKind::Task),
    ("memory", SpanKind::Task),
    ("unknown", SpanKind::Task),
];

/// Events that mark the first piece of a streamed answer.
pub(crate) const FIRST_TOKEN_EVENTS: &[&str] = &[
    "gen_ai.content.completion.chunk",
    "llm.content.completion.chunk",
    "First Token Stream Event",
    "ai.stream.firstChunk",
];

/// The kind that a word means.
pub(crate) fn of_word(word: &str) -> Option<SpanKind> {
    let means = |meant: &str| match meant.strip_suffix('*') {
        Some(stem) => word.get(..stem.len()).is_some_and(|start| start.eq_ignore_ascii_case(stem)),
        None => word.eq_ignore_ascii_case(meant),
    };
    WORDS.iter().find(|(meant, _)| means(meant)).map(|(_, kind)| *kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_without_regard_to_case() {
        assert_eq!(of_word("LLM"), Some(SpanKind::Llm));
        assert_eq!(of_word("CHAT_MODEL"), Some(SpanKind::Llm));
        assert_eq!(of_word("ai.generateText"), Some(SpanKind::Workflow));
        assert_eq!(of_word("ai.generateText.doGenerate"), Some(SpanKind::Llm));
        assert_eq!(of_word("something"), None);
    }
}
