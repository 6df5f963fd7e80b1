// What coverage means, from the counts that the API gives.

/** One service, app and library. Counts are of calls. */
export interface CoverageRow {
  service: string | null;
  app: string | null;
  client: string | null;
  both: number;
  gateway_only: number;
  telemetry_only: number;
  tokens: number | null;
  cost_usd: number | null;
  first_seen_ms: number;
  last_seen_ms: number;
}

export interface Coverage {
  rows: CoverageRow[];
  /** The share of calls that passed the gateway; null without calls. */
  ratio: number | null;
  /** Calls that name no app. */
  without_app: number;
}

/** The three numbers at the top. */
export function summary({ rows, ratio, without_app }: Coverage) {
  return {
    ratio,
    bypassing: rows.reduce((sum, { telemetry_only }) => sum + telemetry_only, 0),
    withoutApp: without_app,
  };
}

/** Who sees the calls of a row, in words. */
export function seenBy({ both, gateway_only, telemetry_only }: CoverageRow): string {
  if (telemetry_only > 0) return both + gateway_only > 0 ? 'partly bypasses' : 'bypasses the gateway';
  return both > 0 ? (gateway_only > 0 ? 'gateway, partly both' : 'both') : 'gateway only';
}
