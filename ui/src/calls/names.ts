// The metrics that Weir's judges and guards write, as the article names them.

export const FAITHFULNESS = 'custom.llm.faithfulness_score';
export const RELEVANCE = 'custom.rag.retrieval_relevance';
export const INJECTION = 'custom.llm.injection_risk_score';
export const VIOLATION = 'custom.agent.scope_violation';
export const SECRET_FOUND = 'custom.llm.secret_found';
export const PII_FOUND = 'custom.llm.pii_found';
export const PROBE_PASSED = 'weir.probe.passed';
