import { routes } from '../proto/http/routes.ts';
import { toPrintable } from '../proto/model/text.ts';
import { clientOf } from './client-of.ts';
import { has, valueOf, type Command } from './command.ts';
import { controllerOrigin, knownContext, withContext, withoutContext, type Context } from './context.ts';
import { contextFile, readContexts, writeContexts } from './context-file.ts';
import { EXIT, UsageError } from './exit-codes.ts';
import { GENERAL, OUTPUT } from './options.ts';
import { render, renderOne } from './output/render.ts';
import { styleOf } from './style.ts';
import { VERSION } from './version.ts';

const MAX_TOKEN_BYTES = 10_000;

const login: Command = {
  words: ['login'],
  summary: 'Signs in to a controller with an API token, and keeps it as a context',
  args: [{ name: 'URL', words: 'of the controller: https://HOST' }],
  groups: [{ title: 'The context', options: [{ name: 'name', value: 'NAME', words: 'how it is called (the host’s name)' }] }, GENERAL],
  examples: ['ctfleet login https://ctfleet.example.net', 'ctfleet login https://ctfleet.example.net --name work < token'],
  async run({ io, given, args }) {
    const url = controllerOrigin(args[0]!, has(given, 'plain-http'));
    const typed = io.isInputTerminal
      ? await io.ask('API token (console: Account → API tokens): ', { isSecret: true })
      : await io.readInput(MAX_TOKEN_BYTES);
    const token = typed?.trim() ?? '';
    if (!/^[\x21-\x7e]+$/.test(token)) throw new UsageError('A token is one word; it is read from the terminal or from standard input');
    const context: Context = { url, token };
    const me = await clientOf(context).call(routes.getMe);
    const name = valueOf(given, 'name') ?? new URL(url).hostname.replaceAll(/[^\w.-]/g, '');
    writeContexts(io.env, withContext(readContexts(io.env), name, context));
    io.say(toPrintable(`Signed in as ${me.name}. Context ${name} is in use; kept in ${contextFile(io.env)}`));
    return EXIT.done;
  },
};

const whoami: Command = {
  words: ['whoami'],
  summary: 'Who asks, with which roles, and of which controller',
  groups: [OUTPUT, GENERAL],
  async run({ io, given, client }) {
    const me = await client().call(routes.getMe);
    const roles = me.grants.map(({ role, tenantId }) => (tenantId === null ? `${role} of all tenants` : `${role} of tenant ${tenantId}`));
    const parts = [
      ['name', me.name],
      ['kind', me.kind],
      ['e-mail', me.email],
      ['roles', roles.join(', ') || 'none'],
      ['controller', me.version],
    ] as const;
    io.write(renderOne(parts, styleOf(given, io), me));
    return EXIT.done;
  },
};

const version: Command = {
  words: ['version'],
  summary: 'The version of this program',
  groups: [GENERAL],
  run: ({ io }) => {
    io.write(`ctfleet ${VERSION}\n`);
    return Promise.resolve(EXIT.done);
  },
};

const listContexts: Command = {
  words: ['context', 'list'],
  summary: 'Contexts: the controllers that you signed in to',
  groups: [OUTPUT, GENERAL],
  run({ io, given }) {
    const { current, contexts } = readContexts(io.env);
    const rows = Object.entries(contexts).map(([name, { url }]) => ({ name, url, isInUse: name === current }));
    const columns = [
      { name: 'in use', of: ({ isInUse }: (typeof rows)[number]) => (isInUse ? '*' : '') },
      { name: 'name', of: ({ name }: (typeof rows)[number]) => name },
      { name: 'url', of: ({ url }: (typeof rows)[number]) => url },
    ];
    io.write(render({ columns, rows, nameOf: ({ name }) => name }, styleOf(given, io)));
    return Promise.resolve(rows.length === 0 ? EXIT.nothingMatched : EXIT.done);
  },
};

const CONTEXT_ARG = [{ name: 'NAME', words: 'of the context' }];

const useContext: Command = {
  words: ['context', 'use'],
  summary: 'Uses another context from now on',
  args: CONTEXT_ARG,
  groups: [GENERAL],
  run({ io, args }) {
    const contexts = readContexts(io.env);
    const { url } = knownContext(contexts, args[0]!);
    writeContexts(io.env, { ...contexts, current: args[0]! });
    io.say(`${args[0]} is in use: ${url}`);
    return Promise.resolve(EXIT.done);
  },
};

const removeContext: Command = {
  words: ['context', 'remove'],
  summary: 'Forgets a context and its token; the token itself stays good until it is revoked in the console',
  args: CONTEXT_ARG,
  groups: [GENERAL],
  run({ io, args }) {
    writeContexts(io.env, withoutContext(readContexts(io.env), args[0]!));
    io.say(`${args[0]} is forgotten`);
    return Promise.resolve(EXIT.done);
  },
};

export const ACCOUNT: readonly Command[] = [login, whoami, listContexts, useContext, removeContext, version];
