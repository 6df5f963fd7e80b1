//! Which attribute says what: the one table of all dialects, from which `docs/reference/attributes.md` is written.
//!
//! A row is something that a span can say, a column is a dialect, a cell lists the attributes that say it, best first.
//! Where a span carries several, the leftmost wins: instrumentations that follow the current convention often repeat
//! themselves in an older one. A new dialect is a new column.
//!
//! `key.*` in a cell stands for a family: `llm.input_messages.0.message.role` and its like, folded back into JSON.

use std::collections::HashMap;
use std::sync::LazyLock;

/// Something that a span can say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Field {
    Kind,
    Provider,
    Model,
    ResponseModel,
    ModelParameters,
    ResponseId,
    InputTokens,
    OutputTokens,
    TotalTokens,
    CacheReadTokens,
    CacheWriteTokens,
    ReasoningTokens,
    UsageJson,
    CostUsd,
    CostJson,
    FirstTokenSeconds,
    FirstTokenMillis,
    IsStream,
    FinishReason,
    SystemInstructions,
    Input,
    Output,
    OutputToolCalls,
    Documents,
    Tools,
    ToolName,
    Session,
    User,
    Agent,
    Team,
    App,
    Env,
    Service,
    ErrorType,
    HttpStatus,
    HttpMethod,
}

/// How many fields there are.
pub(crate) const FIELDS: usize = Field::HttpMethod as usize + 1;

/// One row of the table.
pub(crate) struct Row {
    pub(crate) field: Field,
    /// What it becomes, in words for the reference.
    #[cfg_attr(not(test), expect(dead_code, reason = "read by the test that writes the reference"))]
    pub(crate) meaning: &'static str,
    /// OpenTelemetry GenAI as of 1.37 and later; OpenLLMetry follows it.
    pub(crate) current: &'static [&'static str],
    /// OpenTelemetry GenAI before that, and what OpenLLMetry added of its own.
    pub(crate) older: &'static [&'static str],
    pub(crate) openinference: &'static [&'static str],
    pub(crate) vercel: &'static [&'static str],
    pub(crate) mlflow: &'static [&'static str],
}

macro_rules! rows {
    ($($field:ident, $meaning:literal:
        current $current:tt, older $older:tt, openinference $openinference:tt, vercel $vercel:tt, mlflow $mlflow:tt;
    )+) => {
        &[$(Row {
            field: Field::$field,
            meaning: $meaning,
            current: &$current,
            older: &$older,
            openinference: &$openinference,
            vercel: &$vercel,
            mlflow: &$mlflow,
        }),+]
    };
}

/// The table.
pub(crate) const ROWS: &[Row] = rows![
    Kind, "`kind`, by the words of the second table":
        current ["gen_ai.operation.name"],
        older ["llm.request.type", "traceloop.span.kind", "vector_db.vendor"],
        openinference ["openinference.span.kind"],
        vercel ["ai.operationId"],
        mlflow ["mlflow.spanType"];
    Provider, "`provider`":
        current ["gen_ai.provider.name"],
        older ["gen_ai.system"],
        openinference ["llm.provider", "llm.system"],
        vercel ["ai.model.provider"],
        mlflow ["mlflow.llm.provider"];
    Model, "`model`, the one asked for":
        current ["gen_ai.request.model"],
        older ["llm.request.model"],
        openinference ["llm.model_name", "embedding.model_name", "reranker.model_name"],
        vercel ["ai.model.id"],
        mlflow ["model", "mlflow.llm.model"];
    ResponseModel, "`response_model`, the one that answered":
        current ["gen_ai.response.model"],
        older ["llm.response.model"],
        openinference [],
        vercel ["ai.response.model"],
        mlflow [];
    ModelParameters, "the requested model and whether it streams, from JSON":
        current [],
        older [],
        openinference ["llm.invocation_parameters"],
        vercel [],
        mlflow [];
    ResponseId, "`response_id`":
        current ["gen_ai.response.id"],
        older [],
        openinference [],
        vercel ["ai.response.id"],
        mlflow [];
    InputTokens, "`tokens.input`":
        current ["gen_ai.usage.input_tokens"],
        older ["gen_ai.usage.prompt_tokens", "llm.usage.prompt_tokens"],
        openinference ["llm.token_count.prompt"],
        vercel ["ai.usage.inputTokens", "ai.usage.promptTokens", "ai.usage.tokens"],
        mlflow [];
    OutputTokens, "`tokens.output`":
        current ["gen_ai.usage.output_tokens"],
        older ["gen_ai.usage.completion_tokens", "llm.usage.completion_tokens"],
        openinference ["llm.token_count.completion"],
        vercel ["ai.usage.outputTokens", "ai.usage.completionTokens"],
        mlflow [];
    TotalTokens, "nothing: Weir adds input and output itself":
        current [],
        older ["gen_ai.usage.total_tokens", "llm.usage.total_tokens"],
        openinference ["llm.token_count.total"],
        vercel ["ai.usage.totalTokens"],
        mlflow [];
    CacheReadTokens, "`tokens.cache_read`":
        current ["gen_ai.usage.cache_read.input_tokens"],
        older ["gen_ai.usage.cache_read_input_tokens", "llm.usage.cache_read_input_tokens"],
        openinference ["llm.token_count.prompt_details.cache_read"],
        vercel ["ai.usage.cachedInputTokens", "ai.usage.inputTokenDetails.cacheReadTokens"],
        mlflow [];
    CacheWriteTokens, "`tokens.cache_write`":
        current ["gen_ai.usage.cache_creation.input_tokens"],
        older ["gen_ai.usage.cache_creation_input_tokens", "llm.usage.cache_creation_input_tokens"],
        openinference ["llm.token_count.prompt_details.cache_write"],
        vercel ["ai.usage.inputTokenDetails.cacheWriteTokens"],
        mlflow [];
    ReasoningTokens, "`tokens.reasoning`":
        current ["gen_ai.usage.reasoning.output_tokens", "gen_ai.usage.reasoning_tokens"],
        older ["llm.usage.reasoning_tokens"],
        openinference ["llm.token_count.completion_details.reasoning"],
        vercel ["ai.usage.reasoningTokens", "ai.usage.outputTokenDetails.reasoningTokens"],
        mlflow [];
    UsageJson, "all of `tokens`, from JSON":
        current [],
        older [],
        openinference [],
        vercel [],
        mlflow ["mlflow.chat.tokenUsage"];
    CostUsd, "`cost`, in place of what Weir would compute":
        current ["gen_ai.usage.cost"],
        older ["gen_ai.usage.total_cost"],
        openinference ["llm.cost.total"],
        vercel [],
        mlflow [];
    CostJson, "`cost`, from JSON":
        current [],
        older [],
        openinference [],
        vercel [],
        mlflow ["mlflow.llm.cost"];
    FirstTokenSeconds, "`ttft`; else the first of the events of the third table":
        current ["gen_ai.response.time_to_first_chunk", "gen_ai.server.time_to_first_token"],
        older [],
        openinference [],
        vercel [],
        mlflow [];
    FirstTokenMillis, "`ttft`":
        current [],
        older [],
        openinference [],
        vercel ["ai.response.msToFirstChunk"],
        mlflow [];
    IsStream, "`stream`":
        current ["gen_ai.request.stream", "gen_ai.is_streaming"],
        older ["llm.is_streaming"],
        openinference [],
        vercel [],
        mlflow [];
    FinishReason, "`finish_reason`":
        current ["gen_ai.response.finish_reasons"],
        older ["gen_ai.response.finish_reason", "llm.response.finish_reason"],
        openinference ["llm.finish_reason"],
        vercel ["ai.response.finishReason"],
        mlflow [];
    SystemInstructions, "the first message of `input`":
        current ["gen_ai.system_instructions"],
        older [],
        openinference [],
        vercel [],
        mlflow [];
    Input, "`input`":
        current ["gen_ai.input.messages", "gen_ai.tool.call.arguments", "gen_ai.retrieval.query.text"],
        older ["gen_ai.prompt", "gen_ai.prompt.*", "gen_ai.tool.input", "traceloop.entity.input"],
        openinference ["llm.input_messages.*", "input.value", "embedding.embeddings.*", "reranker.query"],
        vercel ["ai.prompt.messages", "ai.prompt", "ai.toolCall.args", "ai.values", "ai.value"],
        mlflow ["mlflow.spanInputs"];
    Output, "`output`":
        current ["gen_ai.output.messages", "gen_ai.tool.call.result"],
        older ["gen_ai.completion", "gen_ai.completion.*", "gen_ai.tool.output", "traceloop.entity.output"],
        openinference ["llm.output_messages.*", "output.value"],
        vercel ["ai.response.text", "ai.response.object", "ai.result.text", "ai.result.object", "ai.toolCall.result"],
        mlflow ["mlflow.spanOutputs"];
    OutputToolCalls, "`output`, beside the text":
        current [],
        older [],
        openinference [],
        vercel ["ai.response.toolCalls", "ai.result.toolCalls"],
        mlflow [];
    Documents, "`documents`":
        current ["gen_ai.retrieval.documents"],
        older [],
        openinference ["retrieval.documents.*", "reranker.output_documents.*"],
        vercel [],
        mlflow [];
    Tools, "`tools`":
        current ["gen_ai.tool.definitions"],
        older ["llm.request.functions.*"],
        openinference ["llm.tools.*"],
        vercel ["ai.prompt.tools"],
        mlflow ["mlflow.chat.tools"];
    ToolName, "`name` of a tool's span":
        current ["gen_ai.tool.name"],
        older [],
        openinference ["tool.name"],
        vercel ["ai.toolCall.name"],
        mlflow [];
    Session, "`session`":
        current ["gen_ai.conversation.id", "session.id"],
        older ["traceloop.association.properties.session_id", "langfuse.session.id"],
        openinference ["session.id"],
        vercel ["ai.telemetry.metadata.sessionId", "ai.telemetry.metadata.session_id"],
        mlflow ["mlflow.trace.session"];
    User, "`user`":
        current ["user.id", "enduser.id"],
        older ["traceloop.association.properties.user_id", "llm.user", "langfuse.user.id"],
        openinference ["user.id"],
        vercel ["ai.telemetry.metadata.userId", "ai.telemetry.metadata.user_id"],
        mlflow ["mlflow.trace.user"];
    Agent, "`agent`; else the nearest agent around it in the same batch":
        current ["gen_ai.agent.name", "gen_ai.agent.id"],
        older ["traceloop.association.properties.agent"],
        openinference ["agent.name", "graph.node.id"],
        vercel ["ai.telemetry.metadata.agent"],
        mlflow [];
    Team, "`team`":
        current ["weir.team", "team"],
        older ["traceloop.association.properties.team"],
        openinference ["metadata.team"],
        vercel ["ai.telemetry.metadata.team"],
        mlflow [];
    App, "`app`; else `service`":
        current ["weir.app", "ml_app"],
        older ["traceloop.association.properties.app"],
        openinference ["openinference.project.name"],
        vercel ["ai.telemetry.functionId"],
        mlflow [];
    Env, "`env`":
        current ["deployment.environment.name", "deployment.environment"],
        older [],
        openinference [],
        vercel [],
        mlflow [];
    Service, "`service`":
        current ["service.name"],
        older [],
        openinference [],
        vercel [],
        mlflow [];
    ErrorType, "`error_type`; else the type of the `exception` event":
        current ["error.type"],
        older ["exception.type"],
        openinference [],
        vercel [],
        mlflow [];
    HttpStatus, "`http_status`":
        current ["http.response.status_code"],
        older ["http.status_code"],
        openinference [],
        vercel [],
        mlflow [];
    HttpMethod, "`kind` = `http`, where nothing else says a kind":
        current ["http.request.method"],
        older ["http.method"],
        openinference [],
        vercel [],
        mlflow [];
];

/// The columns in the order of their rank, each with its heading.
pub(crate) type Column = (&'static str, fn(&Row) -> &'static [&'static str]);

/// All columns.
pub(crate) const COLUMNS: [Column; 5] = [
    ("OpenTelemetry GenAI", |row| row.current),
    ("older, OpenLLMetry", |row| row.older),
    ("OpenInference", |row| row.openinference),
    ("Vercel AI SDK", |row| row.vercel),
    ("MLflow", |row| row.mlflow),
];

/// What stands for the rest of a key in a cell of the table.
const FAMILY: &str = ".*";

/// Where an attribute belongs. The lower rank wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) field: Field,
    pub(crate) rank: u8,
}

/// The table, arranged for looking up.
pub(crate) struct Mapping {
    keys: HashMap<&'static str, Place>,
    /// Beginnings of keys, with the dot.
    families: Vec<(&'static str, Place)>,
}

/// The table, arranged once.
pub(crate) static MAPPING: LazyLock<Mapping> = LazyLock::new(Mapping::arrange);

impl Mapping {
    fn arrange() -> Self {
        let mut mapping = Self { keys: HashMap::new(), families: Vec::new() };
        for row in ROWS {
            let keys = COLUMNS.iter().flat_map(|(_, cells)| cells(row));
            for (rank, key) in keys.enumerate() {
                let place = Place { field: row.field, rank: u8::try_from(rank).unwrap_or(u8::MAX) };
                match key.strip_suffix(FAMILY) {
                    // With the dot, so that a key is told from a longer word.
                    Some(stem) => mapping.families.push((&key[..=stem.len()], place)),
                    // A key may stand in two columns of a row; the first counts.
                    None => _ = mapping.keys.entry(key).or_insert(place),
                }
            }
        }
        mapping
    }

    /// Where this attribute belongs, and for one of a family the rest of its key.
    pub(crate) fn place<'k>(&self, key: &'k str) -> Option<(Place, Option<&'k str>)> {
        if let Some(place) = self.keys.get(key) {
            return Some((*place, None));
        }
        self.families.iter().find_map(|(stem, place)| Some((*place, Some(key.strip_prefix(stem)?))))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_field_has_one_row_and_every_key_one_meaning() {
        let fields: HashSet<Field> = ROWS.iter().map(|row| row.field).collect();
        assert_eq!((fields.len(), ROWS.len()), (FIELDS, FIELDS));
        let mut meanings: HashMap<&str, Field> = HashMap::new();
        for row in ROWS {
            for key in COLUMNS.iter().flat_map(|(_, cells)| cells(row)) {
                assert_eq!(*meanings.entry(key).or_insert(row.field), row.field, "{key} is in two rows");
            }
        }
    }

    #[test]
    fn the_current_convention_wins_over_all_others() {
        let rank = |key: &str| MAPPING.place(key).unwrap().0.rank;
        assert!(rank("gen_ai.usage.input_tokens") < rank("gen_ai.usage.prompt_tokens"));
        assert!(rank("gen_ai.usage.prompt_tokens") < rank("llm.token_count.prompt"));
        let (place, rest) = MAPPING.place("llm.input_messages.0.message.role").unwrap();
        assert_eq!((place.field, rest), (Field::Input, Some("0.message.role")));
        assert!(MAPPING.place("llm.input_messagesX").is_none());
    }
}
