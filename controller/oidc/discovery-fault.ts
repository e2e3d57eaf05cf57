/** What is wrong with a provider's discovery document, by kind. What the other side said, or a port did, is in the log alone. */
const WORDS = {
  refused: 'the connection was refused',
  timeout: 'there was no answer in time',
  name: 'its name is not known',
  tls: 'its certificate is not trusted, or it speaks no TLS',
  broken: 'the connection was broken off',
  issuer: 'the document names another issuer',
  document: 'the answer is no discovery document',
  other: 'the log of the controller says why',
} as const;

const BY_CODE: readonly (readonly [RegExp, keyof typeof WORDS])[] = [
  [/^ECONNREFUSED$/, 'refused'],
  [/^(ETIMEDOUT|OAUTH_TIMEOUT|UND_ERR_\w*TIMEOUT|EHOSTUNREACH|ENETUNREACH)$/, 'timeout'],
  [/^(ENOTFOUND|EAI_\w+)$/, 'name'],
  [/CERT|SELF_SIGNED|UNABLE_TO|ERR_TLS|ERR_SSL|EPROTO/, 'tls'],
  [/^(ECONNRESET|EPIPE|UND_ERR_SOCKET)$/, 'broken'],
  [/^OAUTH_JSON_ATTRIBUTE_COMPARISON_FAILED$/, 'issuer'],
  [/^OAUTH_(RESPONSE_IS_NOT_JSON|PARSE_ERROR|INVALID_RESPONSE|INVALID_SERVER_METADATA)$/, 'document'],
];
const MAX_CAUSES = 6;

/** One of a few sentences for an error of the client: nobody reads by it what listens where. `status`: of the provider's own answer. */
export function discoveryFault(error: unknown): string {
  let status: number | undefined;
  for (let [one, depth] = [error, 0]; typeof one === 'object' && one !== null && depth < MAX_CAUSES; depth++) {
    const { code, cause, name, status: answered } = one as { code?: unknown; cause?: unknown; name?: string; status?: unknown };
    const kind = name === 'TimeoutError' ? 'timeout' : BY_CODE.find(([pattern]) => typeof code === 'string' && pattern.test(code))?.[1];
    if (kind) return WORDS[kind];
    if (typeof answered === 'number' && answered >= 300) status = answered;
    one = cause;
  }
  return status === undefined ? WORDS.other : `it answered with status ${status}`;
}
