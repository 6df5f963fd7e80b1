// How a monitor is defined in a file, for lists that have none.

import type { Snippet } from '../setup/snippets';

export function definition(): Snippet[] {
  return [
    {
      key: 'toml',
      title: 'weir.toml',
      code: `[[monitors]]
name      = "provider-errors"
condition = "rate(llm.request.error) by provider > 5% over 10m for 5m"
severity  = "warning"
critical  = "20%"
message   = "{provider} fails {value}% of calls"`,
    },
  ];
}
