/**
 * Who asks, and where. `origin` is empty in a page, whose own server passes calls on; `headers` hold a token, or a cookie with its origin.
 */
export interface ClientOptions {
  origin?: string;
  headers?: Readonly<Record<string, string>>;
}

export interface RequestOptions {
  method: string;
  body?: unknown;
  signal?: AbortSignal;
  headers?: Readonly<Record<string, string>>;
}

/**
 * Sends one request, once: with no key of an intent, no second try and no limit of time, which `Client` adds. For those who have to see
 * what each single request came to. Rejects as `fetch` does.
 */
export function request(
  { origin = '', headers: own = {} }: ClientOptions,
  path: string,
  { method, body, signal, headers = {} }: RequestOptions,
): Promise<Response> {
  return fetch(`${origin}${path}`, {
    method,
    signal,
    credentials: 'same-origin',
    cache: 'no-store',
    headers: { ...own, ...headers, ...(body !== undefined && { 'content-type': 'application/json' }) },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
}
