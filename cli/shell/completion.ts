import type { Command } from '../command.ts';
import { optionsOf } from '../parse-command.ts';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

/** The completion script of a shell: commands, their options, and values that an option has a list of. Nothing is asked of a controller. */
export function completionOf(shell: Shell, commands: readonly Command[]): string {
  return shell === 'bash' ? bash(commands) : shell === 'zsh' ? zsh(commands) : fish(commands);
}

/** What may follow each beginning of a command, in the order of the table. */
function followers(commands: readonly Command[]): Map<string, Set<string>> {
  const after = new Map<string, Set<string>>();
  for (const { words } of commands)
    words.forEach((word, index) => {
      const before = words.slice(0, index).join(' ');
      after.set(before, (after.get(before) ?? new Set()).add(word));
    });
  return after;
}

function dashed(command: Command): string[] {
  return optionsOf(command).flatMap(({ name, short, aliases = [] }) => [
    ...(short === undefined ? [] : [`-${short}`]),
    ...[name, ...aliases].map((long) => `--${long}`),
  ]);
}

/** Options with a list of values, over all commands. */
function listed(commands: readonly Command[]): Map<string, readonly string[]> {
  return new Map(
    commands.flatMap((command) =>
      optionsOf(command).flatMap(({ name, short, choices }) =>
        choices
          ? [...(short === undefined ? [] : [`-${short}`]), `--${name}`].map(
              (word) => [`${command.words.join(' ')}:${word}`, choices] as const,
            )
          : [],
      ),
    ),
  );
}

/** Cases of the words that may come next: by the command so far, and by the option before. */
function bashBody(commands: readonly Command[]): string {
  const cases = [...followers(commands)].map(([before, words]) => `    '${before}') words='${[...words].join(' ')}' ;;`);
  const options = commands.map((command) => `    '${command.words.join(' ')}'*) words='${dashed(command).join(' ')}' ;;`);
  const values = [...listed(commands)].map(([key, choices]) => {
    const [command, option] = key.split(':');
    return `    '${command} '*:'${option}') words='${choices.join(' ')}' ;;`;
  });
  return [
    '  local line="${so_far[*]}" words=""',
    '  case "$line :$before" in',
    ...values,
    '    *)',
    '  if [[ "$current" == -* ]]; then case "$line" in',
    ...options,
    '  esac; else case "$line" in',
    ...cases,
    '  esac; fi ;;',
    '  esac',
  ].join('\n');
}

function bash(commands: readonly Command[]): string {
  return `# bash completion for ctfleet
_ctfleet() {
  local current="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD-1]}" so_far=() word
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do [[ "$word" == -* ]] && break; so_far+=("$word"); done
${bashBody(commands)}
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _ctfleet ctfleet
`;
}

function zsh(commands: readonly Command[]): string {
  return `#compdef ctfleet
_ctfleet() {
  local current="\${words[CURRENT]}" before="\${words[CURRENT-1]}" word
  local -a so_far given
  given=("\${(@)words[2,CURRENT-1]}")
  for word in "\${given[@]}"; do [[ "$word" == -* ]] && break; so_far+=("$word"); done
${bashBody(commands).replaceAll('words', 'found').replaceAll('local line', 'local line').replaceAll('${so_far[*]}', '${(j: :)so_far}')}
  compadd -- \${=found}
}
compdef _ctfleet ctfleet
`;
}

function fish(commands: readonly Command[]): string {
  const lines = [...followers(commands)].flatMap(([before, words]) =>
    [...words].map((word) => `complete -c ctfleet -f -n '_ctfleet_at "${before}"' -a '${word}'`),
  );
  const options = commands.flatMap((command) =>
    optionsOf(command).map(({ name, short, value, choices, words }) =>
      [
        `complete -c ctfleet -n '_ctfleet_in "${command.words.join(' ')}"' -l ${name}`,
        short === undefined ? '' : ` -s ${short}`,
        value === undefined ? '' : choices ? ` -x -a '${choices.join(' ')}'` : ' -r',
        ` -d '${words.replaceAll(/['\\]/g, '\\$&')}'`,
      ].join(''),
    ),
  );
  return `# fish completion for ctfleet
function _ctfleet_line
  set -l line
  for word in (commandline -opc)[2..-1]
    string match -q -- '-*' $word; and break
    set -a line $word
  end
  string join ' ' $line
end
function _ctfleet_at
  test (string collect -- (_ctfleet_line)) = "$argv[1]"
end
function _ctfleet_in
  string match -q -- "$argv[1]*" (string collect -- (_ctfleet_line))
end
${[...lines, ...options].join('\n')}
`;
}
