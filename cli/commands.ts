import { ACCOUNT } from './account.ts';
import { ALERTS } from './alerts.ts';
import { GATEWAYS } from './gateways.ts';
import { REMEDIATIONS } from './remediations.ts';
import type { Command } from './command.ts';
import { FLUSHES } from './flushes.ts';
import { listFlows } from './flows-list.ts';
import { ENDING } from './flows-end.ts';
import { PLANS } from './plans.ts';
import { POLICIES } from './policies.ts';
import { GENERAL } from './options.ts';
import { EXIT, UsageError } from './exit-codes.ts';
import { completionOf, SHELLS, type Shell } from './shell/completion.ts';
import { manPage } from './shell/man.ts';
import { VERSION } from './version.ts';

const completion: Command = {
  words: ['completion'],
  summary: 'Prints the completion of a shell',
  args: [{ name: 'SHELL', words: SHELLS.join(', ') }],
  groups: [GENERAL],
  examples: ['ctfleet completion bash > ~/.local/share/bash-completion/completions/ctfleet'],
  run({ io, args }) {
    const shell = SHELLS.find((one) => one === args[0]);
    if (!shell) throw new UsageError(`The shell is one of ${SHELLS.join(', ')}`);
    io.write(completionOf(shell satisfies Shell, COMMANDS));
    return Promise.resolve(EXIT.done);
  },
};

const man: Command = {
  words: ['man'],
  summary: 'Prints the manual page: ctfleet man | man -l -',
  groups: [GENERAL],
  run({ io }) {
    io.write(manPage(COMMANDS, VERSION));
    return Promise.resolve(EXIT.done);
  },
};

/** Every command. Parsing, help, man page and completion follow from this table. */
export const COMMANDS: readonly Command[] = [
  listFlows,
  ...ENDING,
  ...PLANS,
  ...FLUSHES,
  ...GATEWAYS,
  ...ALERTS,
  ...POLICIES,
  ...REMEDIATIONS,
  ...ACCOUNT,
  completion,
  man,
];
