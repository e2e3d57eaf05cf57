import path from 'node:path';
import { z } from 'zod';
import { parsePrefix, type Prefix } from '../../proto/model/address.ts';

const port = z.coerce.number().int().min(0).max(65_535);
const days = (least: number) => z.coerce.number().int().min(least).max(36_500);
const address = z.string().regex(/^.+:\d{1,5}$/, 'must be host:port');
export const CONTROLLER_ROLES = ['api', 'link', 'work'] as const;
const SMTP_TLS = ['starttls', 'tls', 'none'] as const;
const SMTP_PORTS = { starttls: 587, tls: 465, none: 25 } as const;

const variables = z.object({
  CTFLEET_DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/, error: 'must be a postgresql:// URL' }),
  CTFLEET_MIGRATION_DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/, error: 'must be a postgresql:// URL' }).optional(),
  CTFLEET_REDIS_URL: z.url({ protocol: /^rediss?$/, error: 'must be a redis:// URL' }).optional(),
  CTFLEET_ROLES: z
    .string()
    .default(CONTROLLER_ROLES.join(','))
    .transform((text) => text.split(',').map((role) => role.trim()))
    .pipe(z.array(z.enum(CONTROLLER_ROLES)).min(1)),
  CTFLEET_API_HOST: z.string().min(1).default('127.0.0.1'),
  CTFLEET_API_PORT: port.default(4000),
  CTFLEET_LINK_HOST: z.string().min(1).default('0.0.0.0'),
  CTFLEET_ENROL_PORT: port.default(4443),
  CTFLEET_LINK_PORT: port.default(4444),
  CTFLEET_ENROL_ADDRESS: address.optional(),
  CTFLEET_LINK_ADDRESS: address.optional(),
  CTFLEET_PEER_HOST: z.string().min(1).default('127.0.0.1'),
  CTFLEET_PEER_PORT: port.default(0),
  CTFLEET_PEER_ADDRESS: address.optional(),
  CTFLEET_DRAIN_SECONDS: z.coerce.number().min(0).max(600).default(5),
  CTFLEET_STATE_DIR: z.string().min(1).default('.ctfleet/controller'),
  CTFLEET_PUBLIC_URL: z.url({ protocol: /^https?$/, error: 'must be an http:// or https:// URL' }).default('http://127.0.0.1:3000'),
  CTFLEET_TRUSTED_PROXIES: z
    .string()
    .regex(/^[\w.:/, ]+$/, 'must be addresses, prefixes, loopback or uniquelocal, separated by commas')
    .default('loopback'),
  CTFLEET_SAMPLE_INTERVAL_MS: z.coerce.number().int().min(1000).max(600_000).default(10_000),
  CTFLEET_SESSIONS_PER_SECOND: z.coerce.number().int().min(1).max(10_000).default(150),
  CTFLEET_SEARCH_DEADLINE_MS: z.coerce.number().int().min(100).max(30_000).default(3000),
  CTFLEET_QUESTIONS_AT_ONCE: z.coerce.number().int().min(1).max(10_000).default(256),
  CTFLEET_COMMAND_TTL_MS: z.coerce.number().int().min(1000).max(3_600_000).default(120_000),
  CTFLEET_AUTHORITY_KEY: z
    .string()
    .refine((text) => Buffer.from(text, 'base64').length === 32, 'must be 32 random bytes in base64, as openssl rand -base64 32 gives')
    .optional(),
  CTFLEET_AUTHORITY_KEY_FILE: z.string().min(1).optional(),
  CTFLEET_CERTIFICATE_MINUTES: z.coerce.number().int().min(5).max(525_600).default(10_080),
  CTFLEET_RENEWABLE_DAYS: z.coerce.number().int().min(0).max(365).default(90),
  CTFLEET_RETAIN_FLOWS_DAYS: days(1).default(30),
  CTFLEET_RETAIN_COMMANDS_DAYS: days(1).default(90),
  CTFLEET_RETAIN_PLANS_DAYS: days(30).default(400),
  CTFLEET_RETAIN_TOKENS_DAYS: days(1).default(90),
  CTFLEET_RETAIN_AUDIT_DAYS: days(30).default(400),
  CTFLEET_SECOND_FACTOR: z.enum(['optional', 'demanded']).default('optional'),
  CTFLEET_BREACHED_PASSWORDS_FILE: z.string().min(1).optional(),
  CTFLEET_SMTP_HOST: z
    .string()
    .regex(/^[A-Za-z0-9._:-]{1,253}$/, 'must be a host name or address')
    .optional(),
  CTFLEET_SMTP_PORT: z.coerce.number().int().min(1).max(65_535).optional(),
  CTFLEET_SMTP_TLS: z.enum(SMTP_TLS).default('starttls'),
  CTFLEET_SMTP_CA_FILE: z.string().min(1).optional(),
  CTFLEET_SMTP_USER: z.string().min(1).max(320).optional(),
  CTFLEET_SMTP_PASSWORD: z.string().min(1).max(1000).optional(),
  CTFLEET_SMTP_PASSWORD_FILE: z.string().min(1).optional(),
  CTFLEET_SMTP_FROM: z.string().max(400).optional(),
  CTFLEET_OUTBOUND_ALLOW: z
    .string()
    .transform((text) => text.split(',').flatMap((part) => (part.trim() === '' ? [] : [part.trim()])))
    .refine((parts) => parts.every((part) => parsePrefix(part)), 'must be addresses or prefixes such as 10.0.5.0/24, separated by commas')
    .optional(),
  CTFLEET_LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
});

/** The names of all settings. */
export const SETTINGS: readonly string[] = Object.keys(variables.shape);

/** All addresses of a machine: nobody can dial these. */
const ANY_HOST = ['0.0.0.0', '::', '[::]'];

const schema = variables.superRefine((value, context) => {
  const wrong = (name: keyof typeof value, message: string): void => context.addIssue({ code: 'custom', path: [name], message });
  if (value.CTFLEET_PEER_ADDRESS === undefined && ANY_HOST.includes(value.CTFLEET_PEER_HOST))
    wrong('CTFLEET_PEER_ADDRESS', 'must say where the other controllers reach this one: CTFLEET_PEER_HOST is every address of the machine');
  if (value.CTFLEET_PEER_ADDRESS !== undefined && value.CTFLEET_PEER_PORT === 0)
    wrong('CTFLEET_PEER_PORT', 'must be a fixed port where there is CTFLEET_PEER_ADDRESS');
  const { CTFLEET_SMTP_HOST: host, CTFLEET_SMTP_USER: user, CTFLEET_SMTP_PASSWORD: password, CTFLEET_SMTP_PASSWORD_FILE: file } = value;
  if (host === undefined) {
    for (const name of ['CTFLEET_SMTP_USER', 'CTFLEET_SMTP_PASSWORD', 'CTFLEET_SMTP_PASSWORD_FILE', 'CTFLEET_SMTP_FROM'] as const)
      if (value[name] !== undefined) wrong(name, 'needs CTFLEET_SMTP_HOST, the mail server');
    return;
  }
  if (readMailbox(value.CTFLEET_SMTP_FROM ?? '') === undefined)
    wrong('CTFLEET_SMTP_FROM', 'must say who the mail is from: ctfleet@example.net, or ctfleet <ctfleet@example.net>');
  if (password !== undefined && file !== undefined) wrong('CTFLEET_SMTP_PASSWORD_FILE', 'and CTFLEET_SMTP_PASSWORD are both set; set one');
  if ((user === undefined) !== (password === undefined && file === undefined))
    wrong('CTFLEET_SMTP_USER', 'and its password (CTFLEET_SMTP_PASSWORD_FILE or CTFLEET_SMTP_PASSWORD) are set together or not at all');
  if (user !== undefined && value.CTFLEET_SMTP_TLS === 'none')
    wrong('CTFLEET_SMTP_TLS', 'must be starttls or tls where there is a user: a password is never sent without TLS');
});

/** A mailbox as people write it; undefined if it is none. */
function readMailbox(text: string): { name: string; address: string } | undefined {
  const [, name = '', bracketed, plain] = /^(?:([^<>"\p{C}]*)<([^<>\s]+)>|([^<>\s]+))$/u.exec(text.trim()) ?? [];
  const address = bracketed ?? plain;
  return z.email().safeParse(address).success ? { name: name.trim(), address: address! } : undefined;
}

/** The validated configuration. Hosts are where the controller listens; addresses are what agents connect to. */
export interface Config {
  databaseUrl: string;
  /** The owner's login: with it the controller migrates when it starts. */
  migrationDatabaseUrl?: string;
  redisUrl?: string;
  roles: readonly (typeof CONTROLLER_ROLES)[number][];
  api: { host: string; port: number };
  link: { host: string; port: number; address?: string };
  enrol: { host: string; port: number; address?: string };
  /** Where other replicas ask this one. */
  peer: { host: string; port: number; address?: string };
  /** Over how long a replica that stops gives its sessions away, if there are others to take them. */
  drainMs: number;
  stateDir: string;
  /** The origin of the console, as browsers see it. */
  publicUrl: string;
  /** Proxies trusted to report a caller's address: addresses, prefixes, `loopback` or `uniquelocal`, separated by commas. */
  trustedProxies: string;
  sampleIntervalMs: number;
  /** Sessions of agents that this process opens, on average; more wait for their turn. */
  sessionsPerSecond: number;
  searchDeadlineMs: number;
  /** Questions to gateways that this process has open at once. */
  questionsAtOnce: number;
  /** How long after a run a gateway may still begin its part. */
  commandTtlMs: number;
  /** What encrypts the authority's keys: itself in base64, or the file that it is in; without either it is in the state folder. */
  authorityKey?: string;
  authorityKeyFile?: string;
  /** The life of a gateway's certificate, and for how long after its end it can still be renewed. */
  certificateMs: number;
  renewableMs: number;
  /** How many days are kept: the flows of plans and runs; commands; plans, flushes and runs themselves; expired tokens; audit entries. */
  retain: { flowsDays: number; commandsDays: number; plansDays: number; tokensDays: number; auditDays: number };
  /** Of everybody who signs in; tenants can demand it of their own people. */
  isSecondFactorDemanded: boolean;
  /** Passwords that nobody may choose: SHA-1 sums in order. */
  breachedPasswordsFile?: string;
  /** The server that takes our mail. A user is there only with TLS. */
  /** Addresses that receivers of alerts may have although they are not public, and without TLS. */
  outboundAllowed: readonly Prefix[];
  smtp?: {
    host: string;
    port: number;
    tls: (typeof SMTP_TLS)[number];
    /** Whose certificates are trusted instead of the system's. */
    caFile?: string;
    user?: string;
    password?: string;
    passwordFile?: string;
    from: { name: string; address: string };
  };
  logLevel: string;
}

/** Provider token; the type is erased at run time. */
export const CONFIG = Symbol('config');

/** Reads the CTFLEET_* variables. Throws one Error that lists every invalid variable with the reason. */
export function readConfig(env: Record<string, string | undefined>): Config {
  const parsed = schema.safeParse(Object.fromEntries(Object.entries(env).filter(([, value]) => value !== '')));
  if (!parsed.success) {
    const lines = parsed.error.issues.map((issue) => `  ${issue.path[0]?.toString() ?? ''}: ${issue.message}`);
    throw new Error(`The environment is not right:\n${lines.join('\n')}`);
  }
  const value = parsed.data;
  return {
    databaseUrl: value.CTFLEET_DATABASE_URL,
    migrationDatabaseUrl: value.CTFLEET_MIGRATION_DATABASE_URL,
    redisUrl: value.CTFLEET_REDIS_URL,
    roles: value.CTFLEET_ROLES,
    api: { host: value.CTFLEET_API_HOST, port: value.CTFLEET_API_PORT },
    link: { host: value.CTFLEET_LINK_HOST, port: value.CTFLEET_LINK_PORT, address: value.CTFLEET_LINK_ADDRESS },
    enrol: { host: value.CTFLEET_LINK_HOST, port: value.CTFLEET_ENROL_PORT, address: value.CTFLEET_ENROL_ADDRESS },
    peer: { host: value.CTFLEET_PEER_HOST, port: value.CTFLEET_PEER_PORT, address: value.CTFLEET_PEER_ADDRESS },
    drainMs: value.CTFLEET_DRAIN_SECONDS * 1000,
    stateDir: path.resolve(value.CTFLEET_STATE_DIR),
    publicUrl: new URL(value.CTFLEET_PUBLIC_URL).origin,
    trustedProxies: value.CTFLEET_TRUSTED_PROXIES,
    sampleIntervalMs: value.CTFLEET_SAMPLE_INTERVAL_MS,
    sessionsPerSecond: value.CTFLEET_SESSIONS_PER_SECOND,
    searchDeadlineMs: value.CTFLEET_SEARCH_DEADLINE_MS,
    questionsAtOnce: value.CTFLEET_QUESTIONS_AT_ONCE,
    commandTtlMs: value.CTFLEET_COMMAND_TTL_MS,
    authorityKey: value.CTFLEET_AUTHORITY_KEY,
    authorityKeyFile: value.CTFLEET_AUTHORITY_KEY_FILE,
    certificateMs: value.CTFLEET_CERTIFICATE_MINUTES * 60_000,
    renewableMs: value.CTFLEET_RENEWABLE_DAYS * 86_400_000,
    retain: {
      flowsDays: value.CTFLEET_RETAIN_FLOWS_DAYS,
      commandsDays: value.CTFLEET_RETAIN_COMMANDS_DAYS,
      plansDays: value.CTFLEET_RETAIN_PLANS_DAYS,
      tokensDays: value.CTFLEET_RETAIN_TOKENS_DAYS,
      auditDays: value.CTFLEET_RETAIN_AUDIT_DAYS,
    },
    isSecondFactorDemanded: value.CTFLEET_SECOND_FACTOR === 'demanded',
    breachedPasswordsFile: value.CTFLEET_BREACHED_PASSWORDS_FILE,
    outboundAllowed: (value.CTFLEET_OUTBOUND_ALLOW ?? []).map((part) => parsePrefix(part)!),
    smtp: value.CTFLEET_SMTP_HOST === undefined ? undefined : smtpOf(value, value.CTFLEET_SMTP_HOST),
    logLevel: value.CTFLEET_LOG_LEVEL,
  };
}

function smtpOf(value: z.output<typeof variables>, host: string): NonNullable<Config['smtp']> {
  return {
    host,
    port: value.CTFLEET_SMTP_PORT ?? SMTP_PORTS[value.CTFLEET_SMTP_TLS],
    tls: value.CTFLEET_SMTP_TLS,
    caFile: value.CTFLEET_SMTP_CA_FILE,
    user: value.CTFLEET_SMTP_USER,
    password: value.CTFLEET_SMTP_PASSWORD,
    passwordFile: value.CTFLEET_SMTP_PASSWORD_FILE,
    from: readMailbox(value.CTFLEET_SMTP_FROM ?? '')!,
  };
}
