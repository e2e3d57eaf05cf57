import { execFileSync, spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { COMMANDS } from '../commands.ts';
import { optionsOf } from '../parse-command.ts';
import { completionOf, SHELLS } from './completion.ts';
import { helpOf, spelled } from './help.ts';
import { manPage } from './man.ts';

/** What bash offers after these words; the last one is being typed. */
function offered(...words: string[]): string[] {
  const script = `${completionOf('bash', COMMANDS)}
COMP_WORDS=(ctfleet ${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length}
_ctfleet; printf '%s\\n' "\${COMPREPLY[@]}"`;
  return execFileSync('bash', ['--norc', '-c', script], { encoding: 'utf8' }).split('\n').filter(Boolean);
}

describe('completion in bash', () => {
  it('offers commands, then their verbs, options, and the values of an option', () => {
    expect(offered('flu')).toEqual(['flushes']);
    expect(offered('flows', '').toSorted()).toEqual(['block', 'delete', 'expire', 'list', 'reset']);
    expect(offered('flows', 'delete', '--exp')).toEqual(['--expect']);
    expect(offered('flows', 'list', '-o', 'n').toSorted()).toEqual(['name', 'ndjson']);
    expect(offered('alerts', 'list', '--sev')).toEqual(['--severity']);
  });
});

describe('every shell', () => {
  it.each(SHELLS)('%s has a script that it accepts, where it is installed', (shell) => {
    const script = completionOf(shell, COMMANDS);
    for (const { words } of COMMANDS) expect(script).toContain(words.join(' '));
    const { error, status, stderr } = spawnSync(shell, ['-n'], { input: script, encoding: 'utf8' });
    if (!error) expect([status, stderr]).toEqual([0, '']);
  });
});

describe('help and man page', () => {
  it('have every option of every command', () => {
    const page = manPage(COMMANDS, '1.2.3');
    for (const command of COMMANDS)
      for (const option of optionsOf(command)) {
        expect(helpOf(command.words, COMMANDS)).toContain(spelled(option));
        expect(page).toContain(option.name === 'help' ? 'CTFLEET' : command.words.at(-1));
      }
    expect(page).toContain('\\-\\-reply\\-dst');
  });

  it('is troff without a line that begins a request by accident', () => {
    const requests = manPage(COMMANDS, '1.2.3')
      .split('\n')
      .filter((line) => /^[.']/.test(line));
    expect(requests.filter((line) => !/^\.(TH|SH|SS|TP|PP|B|BR|I|EX|EE)( |$)/.test(line))).toEqual([]);
  });
});
