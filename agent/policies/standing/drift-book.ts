import type { FoundDrift } from './found-drift.ts';

/** What is known of one value that is, or was, not as the policy has it. Times: milliseconds since 1970. */
export interface KnownDrift {
  path: string;
  wanted?: string;
  actual?: string;
  since: number;
  /** Who changed it, as far as that is known. */
  process?: string;
  /** It is left as it is, by a decision. */
  isIgnored?: boolean;
}

export type PastDrift = KnownDrift & { overAt: number };

/**
 * One value, from look to look.
 *
 *   (right) ── differs ──▶ open ── ignore ──▶ ignored
 *      ▲                    │ ▲                 │ │
 *      │                    │ └── differs otherwise
 *      └──── is right again, set again ─────────┘
 *
 * `past` has what is right again, of each path the last, for a day: a link that is down at night loses nothing.
 */
export interface DriftBook {
  /** Which change the gateway was held to. */
  changeId: string;
  /** Kernel and network namespace in which all of it was set last. */
  setIn: string;
  /** `TABLE_LAYOUT` of the agent that has seen to our table last; absent: not known. */
  layout?: number;
  /** Paths of settings that could not be set there yet, such as those of a module that is loaded later; absent: none. */
  unset?: string[];
  open: KnownDrift[];
  past: PastDrift[];
}

export const MAX_OPEN = 200;
const MAX_PAST = 100;
const MAX_TEXT = 1000;
const PAST_MS = 86_400_000;
/** Whoever changes a value again and again that is set again each time has changed it once; so often it is noted that he still does. */
const FIGHT_MS = 600_000;
const NOTE_MS = 60_000;

export interface Look {
  /** What differs and stays so. */
  left: readonly FoundDrift[];
  /** What differed and was set again at once. */
  setAgain: readonly FoundDrift[];
  now: number;
  /** Who changed our table since the look before. */
  process?: string;
  isOfTable: (path: string) => boolean;
}

/** The book after a look. The same object if nothing in it is new. */
export function afterLook(book: DriftBook, { left, setAgain, now, process, isOfTable }: Look): DriftBook {
  const by = (path: string): Pick<KnownDrift, 'process'> => (process !== undefined && isOfTable(path) ? { process } : {});
  const open = left.slice(0, MAX_OPEN).map((found): KnownDrift => {
    const drift = shortened(found);
    const before = book.open.find(({ path }) => path === drift.path);
    if (!before) return { ...drift, since: now, ...by(drift.path) };
    // What the policy wants is the same for as long as this book is about one change.
    return before.actual === drift.actual ? before : { ...drift, since: before.since, ...by(drift.path) };
  });
  const ended = book.open.filter(({ path }) => !left.some((one) => one.path === path) && !setAgain.some((one) => one.path === path));
  const again = setAgain.map((found) => {
    const drift = shortened(found);
    const before = book.open.find(({ path }) => path === drift.path);
    return before && before.actual === drift.actual ? before : repeated(book, { ...drift, since: now, ...by(drift.path) });
  });
  const over = [...ended, ...again].map((drift): PastDrift => withoutDecision({ overAt: now, ...drift }));
  const past = [...over, ...book.past.filter(({ path }) => !over.some((one) => one.path === path))]
    .filter(({ overAt }) => overAt > now - PAST_MS)
    .slice(0, MAX_PAST);
  const next = { ...book, open, past };
  return JSON.stringify(next) === JSON.stringify(book) ? book : next;
}

/** What is open at these paths is left as it is until it changes again. */
export function ignoring(book: DriftBook, paths: readonly string[]): DriftBook {
  return { ...book, open: book.open.map((one) => (paths.includes(one.path) ? { ...one, isIgnored: true } : one)) };
}

/** Of a change that the gateway is held to from now on. */
export function newBook(changeId: string, setIn: string): DriftBook {
  return { changeId, setIn, open: [], past: [] };
}

/** What was set again, or the same that the same program did a moment ago, and that was set again then. */
function repeated({ past }: DriftBook, drift: KnownDrift): KnownDrift | PastDrift {
  const last = past.find((one) => one.path === drift.path);
  const isSame = last?.actual === drift.actual && programOf(last) === programOf(drift) && drift.since - last!.overAt < FIGHT_MS;
  if (!last || !isSame) return drift;
  return drift.since - last.overAt < NOTE_MS ? last : { ...drift, since: last.since };
}

/** Without its number, which is another one each time. */
function programOf(drift: KnownDrift | undefined): string | undefined {
  return drift?.process?.replace(/ \(pid \d+\)$/, '');
}

function withoutDecision({ isIgnored: _isIgnored, ...drift }: PastDrift): PastDrift {
  return drift;
}

function shortened({ path, wanted, actual }: FoundDrift): Pick<KnownDrift, 'path' | 'wanted' | 'actual'> {
  return {
    path,
    ...(wanted !== undefined && { wanted: cut(wanted) }),
    ...(actual !== undefined && { actual: cut(actual) }),
  };
}

function cut(text: string): string {
  return text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT - 1).toWellFormed()}…` : text;
}
