import { Client } from '../client/client.ts';
import type { Context } from './context.ts';
import { VERSION } from './version.ts';

/** The client of a context's controller. */
export function clientOf({ url, token }: Context): Client {
  return new Client({ origin: url, headers: { authorization: `Bearer ${token}`, 'user-agent': `ctfleet/${VERSION}` } });
}
