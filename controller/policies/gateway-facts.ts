import type { GatewayFacts } from '../../proto/model/policy/warnings/warning.ts';
import type { Usage } from '../history/sample-row.ts';

/** What is known of a gateway from its newest sample. */
export function factsOf(usage: Usage | undefined): GatewayFacts {
  if (!usage) return {};
  const { count, translations, topSources } = usage;
  return {
    count,
    ...(translations && { isNatInUse: translations.length > 0 }),
    ...(topSources && { topSources: topSources.map(({ address, flows }) => ({ address, connections: flows })) }),
  };
}
