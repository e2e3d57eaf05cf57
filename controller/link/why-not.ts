import { FleetError } from '../../proto/model/error-codes.ts';

/** How a gateway that did not answer is shown. Rethrows errors that do not concern one gateway. */
export function whyNot(error: unknown): { state: 'slow' | 'offline' | 'failed'; reason: string } {
  if (!(error instanceof FleetError)) throw error;
  switch (error.code) {
    case 'GATEWAY_SLOW':
      return { state: 'slow', reason: error.message };
    case 'GATEWAY_OFFLINE':
      return { state: 'offline', reason: error.message };
    default:
      return { state: 'failed', reason: error.message };
  }
}
