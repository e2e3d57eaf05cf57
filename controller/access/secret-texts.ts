const TEXT = /^(ctfp|ctfl)_([0-9a-f]{32})_([A-Za-z0-9_-]{43})$/;
type Kind = 'ctfp' | 'ctfl';

/** An API token: `ctfp_<id without dashes>_<secret>`. */
export function formatApiToken(id: string, secret: string): string {
  return format('ctfp', id, secret);
}

/** The two parts of a token's text; undefined if the text is no token. */
export function parseApiToken(text: string): { id: string; secret: string } | undefined {
  return parse('ctfp', text);
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
