import type { AuthorityIssuer, AuthorityRoot } from '../generated/prisma/client.ts';
import type { Rotation } from './rotation.ts';

/** A root as it is kept. `sealedKey`: null where it is not ours, or was removed. */
export type RootRow = AuthorityRoot;
/** An issuer as it is kept. */
export type IssuerRow = AuthorityIssuer & { root: AuthorityRoot };

/** The rotation as it is kept. */
export interface State extends Rotation {
  since: Date;
  version: number;
}
