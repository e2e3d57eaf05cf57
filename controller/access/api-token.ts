import { ACTIONS, isAllowed, type Action, type Grant } from '../../proto/model/access.ts';
import { inScope } from '../platform/tenant-scope.ts';
import { scopeOf, type Caller } from '../platform/caller.ts';

const TEXT = /^ctfp_([0-9a-f]{32})_([A-Za-z0-9_-]{43})$/;

/** `ctfp_<id without dashes>_<secret>`. */
export function formatApiToken(id: string, secret: string): string {
  return `ctfp_${id.replaceAll('-', '')}_${secret}`;
}

/** The two parts of a token's text; undefined if the text is no token. */
export function parseApiToken(text: string): { id: string; secret: string } | undefined {
  const [, hex, secret] = TEXT.exec(text) ?? [];
  if (hex === undefined || secret === undefined) return undefined;
  return { id: `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`, secret };
}

/**
 * The first action that the grant would give and that the caller does not have where it would apply; undefined if the grant gives no more
 * than the caller has.
 */
export function actionBeyond(caller: Caller, grant: Grant): Action | undefined {
  return (Object.keys(ACTIONS) as Action[]).find((action) => {
    if (!isAllowed(grant.role, action)) return false;
    const scope = scopeOf(caller, action);
    return grant.tenantId === null ? scope !== 'all' : !inScope(scope, grant.tenantId);
  });
}
