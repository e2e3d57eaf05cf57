import { createHmac, timingSafeEqual } from 'node:crypto';

/** How much older or newer than our clock a call may be. */
const TOLERANCE_MS = 5 * 60_000;

/** The headers of a call, as in Standard Webhooks. */
export interface HookCall {
  id: string;
  timestamp: string;
  signatures: string;
  body: string;
}

/**
 * Why a call is refused; undefined if it was signed with the secret (`whsec_` and base64) recently. The signature is HMAC-SHA256 over id,
 * timestamp in seconds and body, joined by dots; there may be several, separated by spaces, of which one must match.
 */
export function whyRefused({ id, timestamp, signatures, body }: HookCall, secret: string, nowMs: number): string | undefined {
  if (!/^[\w.-]{1,100}$/.test(id)) return 'webhook-id must be 1 to 100 letters, digits, dots, dashes or underscores';
  if (!/^\d{1,12}$/.test(timestamp)) return 'webhook-timestamp must be seconds since 1970';
  if (Math.abs(Number(timestamp) * 1000 - nowMs) > TOLERANCE_MS) return 'webhook-timestamp is more than 5 min off our clock';
  const wanted = createHmac('sha256', Buffer.from(secret.replace(/^whsec_/, ''), 'base64'))
    .update(`${id}.${timestamp}.${body}`)
    .digest();
  const fits = signatures.split(' ').some((signature) => {
    const [version, text = ''] = signature.split(',');
    const given = Buffer.from(text, 'base64');
    return version === 'v1' && given.length === wanted.length && timingSafeEqual(given, wanted);
  });
  return fits ? undefined : 'webhook-signature does not match';
}
