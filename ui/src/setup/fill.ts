// The lines that fill a panel which has no data: what the article behind Weir emits, word for word, and the same from a
// shell, so that one can see the panel come alive before anything is deployed.

import type { Snippet } from './snippets';

/** Where DogStatsD is spoken unless the configuration says otherwise. */
const STATSD_PORT = 8125;

/** A gauge by the two ways that people send one. */
function gauge(host: string, name: string, value: string, python: string, tags: string): Snippet[] {
  return [
    { key: 'statsd', title: 'Python', code: python },
    {
      key: 'shell',
      title: 'Shell',
      code: `echo -n "${name}:${value}|g|#${tags}" | nc -u -w1 ${host} ${STATSD_PORT}`,
    },
  ];
}

export function faithfulness(host: string): Snippet[] {
  return gauge(
    host,
    'custom.llm.faithfulness_score',
    '0.82',
    `from datadog import statsd

statsd.gauge("custom.llm.faithfulness_score", score, tags=[f"app:{app}"])`,
    'app:helpdesk',
  );
}

export function relevance(host: string): Snippet[] {
  return gauge(
    host,
    'custom.rag.retrieval_relevance',
    '0.71',
    `from datadog import statsd

statsd.gauge(
    "custom.rag.retrieval_relevance",
    sum(relevance_scores) / len(relevance_scores),
    tags=[f"index:{index_name}", f"query_category:{classify_query(query)}"],
)`,
    'index:handbook,query_category:billing',
  );
}

export function injection(host: string): Snippet[] {
  return gauge(
    host,
    'custom.llm.injection_risk_score',
    '0.2',
    `from datadog import statsd

score = check_for_injection_patterns(prompt)
statsd.gauge("custom.llm.injection_risk_score", score, tags=[f"session:{session_id}"])`,
    'session:s-42',
  );
}

export function scopeViolation(host: string): Snippet[] {
  return [
    {
      key: 'statsd',
      title: 'Python',
      code: `from datadog import statsd

if tool not in ALLOWED_TOOLS[agent]:
    statsd.increment("custom.agent.scope_violation", tags=[f"agent:{agent}", f"tool:{tool}"])`,
    },
    {
      key: 'shell',
      title: 'Shell',
      code: `echo -n "custom.agent.scope_violation:1|c|#agent:report-generator,tool:shell" | nc -u -w1 ${host} ${STATSD_PORT}`,
    },
  ];
}

export function events(host: string): Snippet[] {
  const title = 'RAG Relevance Warning';
  const text = 'Average relevance 0.51 below threshold for query category billing';
  return [
    {
      key: 'statsd',
      title: 'Python',
      code: `from datadog import statsd

statsd.event(
    "RAG Relevance Warning",
    f"Average relevance {avg_score:.2f} below threshold for query category {category}",
    alert_type="warning",
)`,
    },
    {
      key: 'shell',
      title: 'Shell',
      code: `echo -n "_e{${title.length},${text.length}}:${title}|${text}|t:warning" | nc -u -w1 ${host} ${STATSD_PORT}`,
    },
  ];
}

/** Judgements of people and programs about single calls. */
export function feedback(base: string): Snippet[] {
  return [
    {
      key: 'curl',
      title: 'curl',
      code: `# The header weir-span-id of an answer says which span it is.
curl ${base}/api/scores -H "content-type: application/json" \\
  -d '{"scores": [{"span_id": "0123456789abcdef", "name": "user_feedback", "value": 1, "judge": "user"}]}'`,
    },
    {
      key: 'ddtrace',
      title: 'ddtrace',
      code: `from ddtrace.llmobs import LLMObs

LLMObs.submit_evaluation(
    span=LLMObs.export_span(),
    label="user_feedback",
    metric_type="score",
    value=1,
)`,
    },
    {
      key: 'mlflow',
      title: 'MLflow',
      code: `import mlflow

mlflow.set_tracking_uri("${base}")
mlflow.log_feedback(trace_id=trace_id, name="user_feedback", value=True)`,
    },
  ];
}

/** Which caller a call belongs to. */
export function callerHeaders(base: string): Snippet[] {
  return [
    {
      key: 'python',
      title: 'Python',
      code: `from openai import OpenAI

client = OpenAI(
    base_url="${base}/v1",
    default_headers={"weir-team": "payments", "weir-app": "helpdesk", "weir-agent": "triage"},
)`,
    },
    {
      key: 'curl',
      title: 'curl',
      code: `curl ${base}/v1/chat/completions \\
  -H "authorization: Bearer $OPENAI_API_KEY" -H "content-type: application/json" \\
  -H "weir-team: payments" -H "weir-app: helpdesk" -H "weir-agent: triage" \\
  -d '{"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hello"}]}'`,
    },
  ];
}

/** A cache of the application's own. */
export function cacheCounters(host: string): Snippet[] {
  return [
    {
      key: 'statsd',
      title: 'Python',
      code: `from datadog import statsd

if cached:
    statsd.increment("custom.llm.cache_hit", tags=[f"model:{model}"])
else:
    statsd.increment("custom.llm.cache_miss", tags=[f"model:{model}"])`,
    },
    {
      key: 'shell',
      title: 'Shell',
      code: `echo -n "custom.llm.cache_hit:1|c|#model:gpt-4o-mini" | nc -u -w1 ${host} ${STATSD_PORT}`,
    },
  ];
}

/** A cache of Weir's. */
export function cacheDefinition(): Snippet[] {
  return [
    {
      key: 'toml',
      title: 'weir.toml',
      code: `[cache]
enabled = true
mode    = "observe"      # "enforce" once it has shown what it saves
ttl_s   = 3600           # how long an answer is given again`,
    },
  ];
}

/** Judges of Weir's own: some are on without a word. */
export function evaluators(): Snippet[] {
  return [
    {
      key: 'evaluation',
      title: 'weir.toml',
      code: `[evaluation]
judge_model = "gpt-4o-mini"   # without one, faithfulness is estimated from words
sample      = 0.05            # rare apps and models are judged all the same

[[evaluators]]
name = "toxicity"             # a check that is off by itself`,
    },
  ];
}

/** Drift is measured unless it is switched off; these are the ways to look closer. */
export function drift(): Snippet[] {
  return [
    {
      key: 'drift',
      title: 'weir.toml',
      code: `[drift]
enabled         = true
every_minutes   = 60
window_hours    = 24     # the last day …
reference_hours = 168    # … against the week before`,
    },
  ];
}

export function probes(): Snippet[] {
  return [
    {
      key: 'probes',
      title: 'weir.toml',
      code: `[[probes]]
name   = "capital-of-france"
model  = "gpt-4o-mini"
prompt = "What is the capital of France? One word."
expect = { contains = ["Paris"] }`,
    },
  ];
}

/** What the guard does about what it finds. */
export function guard(): Snippet[] {
  return [
    {
      key: 'guard',
      title: 'weir.toml',
      code: `[guard]
mode = "observe"         # "flag" tells clients too, "block" refuses calls

[guard.apps.helpdesk]
mode = "block"`,
    },
  ];
}

/** What an agent may do. */
export function scope(): Snippet[] {
  return [
    {
      key: 'scope',
      title: 'weir.toml',
      code: `[agents.billing]
models       = ["gpt-4o*"]
tools        = ["search_invoices", "read_*"]
domains      = ["example.com"]
on_violation = "observe" # "block" refuses calls for other models`,
    },
  ];
}

/** What becomes of secrets and personal data before anything is stored. */
export function sensitive(): Snippet[] {
  return [
    {
      key: 'privacy',
      title: 'weir.toml',
      code: `[privacy]
secrets = "redact"       # "block" refuses calls whose prompt has one
pii     = ["email", "phone", "credit_card", "iban"]`,
    },
  ];
}
