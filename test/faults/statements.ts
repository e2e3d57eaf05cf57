/** `($1,$2),($3,$4)` and `IN ($1,$2,$3)`: how often something repeats depends on the rows at hand, not on the statement. */
const REPEATED_ROWS = /(\((?:\$\d+|DEFAULT)(?:,(?:\$\d+|DEFAULT))*\))(?:,\((?:\$\d+|DEFAULT)(?:,(?:\$\d+|DEFAULT))*\))+/g;
const LIST = /\bIN \(\$\d+(?:,\$\d+)+\)/g;

/** A statement in the one form that is kept of it; undefined for what reads and writes no table, such as BEGIN. */
export function normalise(text: string): string | undefined {
  const line = text.replaceAll(/--.*$/gm, '').replaceAll(/\s+/g, ' ').trim();
  if (!/^(SELECT|INSERT|UPDATE|DELETE|WITH)\b/i.test(line)) return undefined;
  let number = 0;
  const names = new Map<string, string>();
  return line
    .replaceAll(REPEATED_ROWS, '$1')
    .replaceAll(LIST, (list) => `IN (${/\$\d+/.exec(list)![0]})`)
    .replaceAll(/\$\d+/g, (name) => {
      if (!names.has(name)) names.set(name, `$${++number}`);
      return names.get(name)!;
    });
}
