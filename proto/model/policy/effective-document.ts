import type { PolicyDocument } from './document.ts';
import type { EffectivePolicy } from './effective.ts';

const NAME = 'effective';

/**
 * All that holds on a gateway as one document, whichever policies it is from: what is sent to the gateway, and what its digest is compared
 * by. With the same name for all, so that two documents differ only where their values do; profiles are written out.
 */
export function effectiveDocument({ values }: Pick<EffectivePolicy, 'values'>): PolicyDocument {
  return { metadata: { name: NAME }, spec: values };
}
