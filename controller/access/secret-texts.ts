const TEXT = /^(ctfp|ctfs|ctfl)_([0-9a-f]{32})_([A-Za-z0-9_-]{43})$/;
type Kind = 'ctfp' | 'ctfs' | 'ctfl';
/** What a request may carry instead of a session: an API token, or a secret of a service account. */
export type BearerKind = 'ctfp' | 'ctfs';
export interface BearerText {
  kind: BearerKind;
  id: string;
  secret: string;
}

/** An API token is `ctfp_<id without dashes>_<secret>`, a service account's secret `ctfs_<id of the secret without dashes>_<secret>`. */
export function formatBearer({ kind, id, secret }: BearerText): string {
  return format(kind, id, secret);
}

/** The parts of either; undefined if the text is neither. */
export function parseBearer(text: string): BearerText | undefined {
  for (const kind of ['ctfp', 'ctfs'] as const) {
    const parts = parse(kind, text);
    if (parts) return { kind, ...parts };
  }
  return undefined;
}

/** What is behind the # of a sign-in link: `ctfl_<id of the person without dashes>_<secret>`. */
export function formatLinkToken(id: string, secret: string): string {
  return format('ctfl', id, secret);
}

/** The two parts of a link's token; undefined if the text is none. */
export function parseLinkToken(text: string): { id: string; secret: string } | undefined {
  return parse('ctfl', text);
}

function format(kind: Kind, id: string, secret: string): string {
  return `${kind}_${id.replaceAll('-', '')}_${secret}`;
}

function parse(kind: Kind, text: string): { id: string; secret: string } | undefined {
  const [, own, hex, secret] = TEXT.exec(text) ?? [];
  if (own !== kind || hex === undefined || secret === undefined) return undefined;
  return { id: `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`, secret };
}
