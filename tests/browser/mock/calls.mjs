// Made-up calls: the same for a minute whenever it is asked for, so that charts do not dance between refreshes.

const MINUTE_MS = 60_000;
/** Long ranges are thinned out to this many minutes, each standing for its neighbours. */
const MINUTES_MAX = 1_500;

const KEPT_MS = 60 * 86_400_000;

const MODELS = [
  ['gpt-4o-mini', 'openai', 0.15, 0.6, 620, 30],
  ['gpt-4o', 'openai', 2.5, 10, 1400, 18],
  ['claude-sonnet-4-5', 'anthropic', 3, 15, 2100, 16],
  ['claude-haiku-4-5', 'anthropic', 1, 5, 800, 12],
  ['text-embedding-3-small', 'openai', 0.02, 0, 90, 14],
  ['meta-llama/llama-3.3-70b-instruct', 'vllm', 0.1, 0.3, 1100, 6],
  ['gpt-4.1', 'azure', 2, 8, 1500, 5],
  ['o4-mini', 'openai', 1.1, 4.4, 5200, 4],
  ['gemini-2.5-pro', 'google', 1.25, 10, 2600, 3],
  ['mistral-large', 'mistral', 2, 6, 1200, 1],
];
const CALLERS = [
  ['payments', 'refund-bot', 'refund-agent'],
  ['payments', 'dispute-desk', null],
  ['search', 'semantic-search', null],
  ['support', 'help-center', 'triage'],
  ['support', 'help-center', 'answer-writer'],
  ['platform', 'nightly-report', 'report-generator'],
];
const CAUSES = [
  ['rate_limit', 429],
  ['timeout', 504],
  ['overloaded', 529],
  ['invalid_request', 400],
];
const PROMPTS = [
  'A customer was charged twice for order 8841 on 3 May. Please check whether both charges were captured and refund one of them.',
  'Which of our plans include single sign-on, and what does it cost for 40 seats?',
  'Summarise the incident of last night in three sentences for the weekly report.',
  'Translate to German: "Your parcel has left our warehouse and will arrive on Thursday."',
  'The user says the export button does nothing in Safari 17. Suggest what to ask next.',
];

function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

function weighted(rows, weightAt, roll) {
  const total = rows.reduce((sum, row) => sum + row[weightAt], 0);
  let left = roll * total;
  return rows.find((row) => (left -= row[weightAt]) < 0) ?? rows[0];
}

const cache = new Map();

function callsOfMinute(minute) {
  const cached = cache.get(minute);
  if (cached) return cached;
  const roll = random(minute * 2654435761);
  const hour = (minute / 60) % 24;
  const busy = 1 + 0.7 * Math.sin(((hour - 8) / 24) * 2 * Math.PI) + 0.15 * Math.sin(minute / 17);
  const incident = minute % 173 > 160;
  const calls = Array.from({ length: Math.round(4 + 9 * busy * (0.7 + 0.6 * roll())) }, (_, i) => {
    const [model, provider, inputPrice, outputPrice, baseMs] = weighted(MODELS, 5, roll());
    const [team, app, agent] = CALLERS[Math.floor(roll() * CALLERS.length)];
    const embedding = model.startsWith('text-');
    const failed = roll() < (incident ? 0.22 : 0.015);
    const [cause, code] = CAUSES[Math.floor(roll() ** 2 * CAUSES.length)];
    const input = Math.round(80 + 1800 * roll() ** 3 * (embedding ? 0.4 : 2));
    const output = failed || embedding ? 0 : Math.round(20 + 700 * roll() ** 2);
    const stream = !embedding && roll() < 0.6;
    const ttft = baseMs * (0.35 + 0.5 * roll() ** 2) * (incident ? 1.8 : 1);
    const id = (minute * 64 + i).toString(16);
    return {
      start_ms: minute * MINUTE_MS + Math.floor(roll() * MINUTE_MS) + 0.25,
      duration_ms: failed ? 40 + 3000 * roll() : ttft + output * 9 * (0.6 + roll()),
      trace_id: id.padStart(32, 'a'),
      span_id: id.padStart(16, 'b'),
      kind: embedding ? 'embedding' : 'llm',
      status: failed ? 'error' : 'ok',
      error_type: failed ? cause : null,
      http_status: failed ? code : 200,
      model,
      provider,
      team,
      app,
      agent,
      env: roll() < 0.85 ? 'prod' : 'staging',
      input,
      output,
      stream,
      ttft_ms: stream && !failed ? ttft : null,
      cost_usd: failed ? 0 : (input * inputPrice + output * outputPrice) / 1e6,
      prompt: PROMPTS[Math.floor(roll() * PROMPTS.length)],
      weight: 1,
    };
  });
  calls.sort((a, b) => a.start_ms - b.start_ms);
  cache.set(minute, calls);
  return calls;
}

/** The calls of an interval, earliest first; of a long one a sample with weights. */
export function callsIn({ fromMs, toMs }) {
  const first = Math.floor(Math.max(fromMs, Date.now() - KEPT_MS) / MINUTE_MS);
  const last = Math.ceil(Math.min(toMs, Date.now()) / MINUTE_MS);
  const stride = Math.max(1, Math.ceil((last - first) / MINUTES_MAX));
  const found = [];
  for (let minute = Math.ceil(first / stride) * stride; minute < last; minute += stride) {
    for (const call of callsOfMinute(minute)) {
      if (call.start_ms < fromMs || call.start_ms >= Math.min(toMs, Date.now())) continue;
      found.push(stride === 1 ? call : { ...call, weight: stride });
    }
  }
  return found;
}

/** A call as the API tells of it; in lists without its contents but for the beginning of the prompt. */
export function detail(traceId, spanId, listed = false) {
  const number = parseInt(spanId.replace(/^b+/, ''), 16);
  const call = callsOfMinute(Math.floor(number / 64)).find((one) => one.span_id === spanId);
  if (!call || call.trace_id !== traceId) return undefined;
  const { prompt, input, output, weight, ...known } = call;
  const text = JSON.stringify(messages(call));
  return {
    parent_id: null,
    name: `${call.kind === 'llm' ? 'chat' : 'embeddings'} ${call.model}`,
    source: 'gateway',
    response_model: call.model,
    session: 'session-41',
    user: null,
    service: null,
    key_id: null,
    tokens: { input, output: output || null, cache_read: call.stream ? Math.round(input / 3) : null, cache_write: null, reasoning: null },
    tokens_estimated: call.provider === 'vllm',
    cost_nano_usd: String(Math.round(call.cost_usd * 1e9)),
    price_version: '2026-07-01',
    finish_reason: call.status === 'ok' ? 'stop' : null,
    cache: null,
    saved_usd: null,
    policy: [],
    error_message: call.status === 'ok' ? null : 'Rate limit reached for requests per minute. Please try again in 2 s.',
    ...known,
    input: listed ? text.slice(0, 200) : text,
    output: call.status === 'error' || call.kind === 'embedding' ? null : JSON.stringify(answers(call)),
    documents: null,
    tools: null,
    attributes: listed ? null : JSON.stringify({ 'gen_ai.request.temperature': 0.2, 'weir.attempts': 1 }),
  };
}

function messages({ kind, prompt, agent }) {
  if (kind === 'embedding') return [prompt];
  const asked = { role: 'user', content: prompt };
  if (!agent) return [asked];
  return [
    { role: 'system', content: 'You are a careful assistant of the company. Use the tools; never promise a refund.' },
    asked,
    {
      role: 'assistant',
      content: null,
      tool_calls: [
        { id: 'call_7Hq', type: 'function', function: { name: 'look_up_order', arguments: '{"order":8841,"fields":["charges","status"]}' } },
      ],
    },
    { role: 'tool', tool_call_id: 'call_7Hq', content: '{"order":8841,"charges":[{"usd":49.9,"state":"captured"},{"usd":49.9,"state":"captured"}]}' },
  ];
}

function answers({ agent }) {
  const text = agent
    ? 'Both charges of $49.90 on order 8841 were captured, so one of them is a duplicate. I have prepared the refund of the second charge for approval; it will take three to five working days to arrive.'
    : 'Here is what I found:\n\n1. The Business plan includes single sign-on.\n2. For 40 seats it is $480 a month.';
  return [{ role: 'assistant', content: text }];
}
