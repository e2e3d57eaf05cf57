import { z } from 'zod';
import { UsageError } from './exit-codes.ts';

/** A controller and who asks it. */
export interface Context {
  /** Origin of the REST API, such as https://ctfleet.example.net. */
  url: string;
  token: string;
}

const MAX_CONTEXTS = 100;
const name = z.string().regex(/^[\w.-]{1,50}$/);
const contextsFile = z.strictObject({
  current: name.optional(),
  contexts: z
    .record(name, z.strictObject({ url: z.string(), token: z.string() }))
    .refine((contexts) => Object.keys(contexts).length <= MAX_CONTEXTS, `holds more than ${MAX_CONTEXTS} contexts`),
});
export type Contexts = z.infer<typeof contextsFile>;

/** Reads the file of contexts. Throws UsageError for one that is damaged. */
export function parseContexts(text: string, file: string): Contexts {
  try {
    return contextsFile.parse(JSON.parse(text));
  } catch {
    throw new UsageError(`${file} cannot be read as contexts; mend or remove it, then sign in again: ctfleet login URL`);
  }
}

export function formatContexts(contexts: Contexts): string {
  return `${JSON.stringify(contexts, undefined, 2)}\n`;
}

/** The contexts with one more, or a changed one, in use. Throws UsageError for a name that is none. */
export function withContext(contexts: Contexts, named: string, context: Context): Contexts {
  if (!name.safeParse(named).success) throw new UsageError('A context is named with letters, digits, dots and dashes, 50 at most');
  return { current: named, contexts: { ...contexts.contexts, [named]: context } };
}

/** The contexts without one. Throws UsageError if it is not there. */
export function withoutContext({ current, contexts }: Contexts, named: string): Contexts {
  knownContext({ contexts }, named);
  const { [named]: _removed, ...rest } = contexts;
  return { ...(current !== undefined && current !== named && { current }), contexts: rest };
}

/** The context of that name. Throws UsageError if it is not there. */
export function knownContext({ contexts }: Contexts, named: string): Context {
  if (!Object.hasOwn(contexts, named)) throw new UsageError(`There is no context “${named}”. Those there are: ctfleet context list`);
  return contexts[named]!;
}

/**
 * The origin of a controller. A token is not sent readable over a network: http is for this machine, unless `isPlainAllowed`. Throws
 * UsageError.
 */
export function controllerOrigin(text: string, isPlainAllowed: boolean): string {
  const url = URL.parse(text);
  if (!url || !/^https?:$/.test(url.protocol)) throw new UsageError(`“${text}” is not the URL of a controller; write https://HOST`);
  if (url.username !== '' || url.password !== '') throw new UsageError('A token is asked for; it is no part of the URL');
  const isHere = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(url.hostname);
  if (url.protocol === 'http:' && !isHere && !isPlainAllowed)
    throw new UsageError(`http:// would send the token readable to ${url.hostname}; use https://, or --plain-http if the way is safe`);
  return url.origin;
}

/**
 * Which controller is asked: `--context`, then CTFLEET_URL with CTFLEET_TOKEN, then the context in use. A saved token goes to its own
 * controller only. Throws UsageError if there is none.
 */
export function chosenContext(
  { env, named, isPlainAllowed }: { env: Readonly<Record<string, string | undefined>>; named?: string; isPlainAllowed: boolean },
  saved: () => Contexts,
): Context {
  const { CTFLEET_URL: url, CTFLEET_TOKEN: token } = env;
  if (named !== undefined) return checked(knownContext(saved(), named));
  if (url && token) return checked({ url, token });
  const { current, contexts } = saved();
  if (url) {
    const origin = controllerOrigin(url, isPlainAllowed);
    const same = Object.values(contexts).find((context) => context.url === origin);
    if (!same) throw new UsageError(`CTFLEET_URL is set and CTFLEET_TOKEN is not, and no context is of ${origin}: ctfleet login ${origin}`);
    return same;
  }
  if (current === undefined) throw new UsageError('Not signed in: ctfleet login URL, or set CTFLEET_URL and CTFLEET_TOKEN');
  const context = knownContext({ contexts }, current);
  return checked(token ? { ...context, token } : context);

  function checked(context: Context): Context {
    return { url: controllerOrigin(context.url, isPlainAllowed), token: context.token };
  }
}
