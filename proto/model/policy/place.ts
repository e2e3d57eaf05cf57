import { isMap, isNode, isScalar, isSeq, type Node } from 'yaml';
import { parseSource } from '../yaml/yaml-source.ts';

const RULES = 'rules.';

/**
 * Where a value stands in the text of its policy, by the path of its origin, or the nearest that is there: for a value by a profile, the
 * profile. Counts from 1; undefined for a text that is no policy.
 */
export function placeInPolicy(text: string, path: string, { isByProfile = false } = {}): { line: number; column: number } | undefined {
  const source = parseSource(text, 'policy');
  if ('problems' in source || !isMap(source.root)) return undefined;
  const spec = source.root.get('spec', true);
  const found = isMap(spec)
    ? path.startsWith(RULES)
      ? ruleNamed(spec.get('rules', true), path.slice(RULES.length))
      : deepest(spec, isByProfile ? ['profile'] : path.split('.'))
    : undefined;
  const { line, col } = source.lines.linePos((found ?? source.root).range?.[0] ?? 0);
  return { line, column: col };
}

function ruleNamed(rules: unknown, name: string): Node | undefined {
  const items: unknown[] = isSeq(rules) ? rules.items : [];
  return items.filter(isNode).find((item) => isMap(item) && String(item.get('name')) === name);
}

function deepest(from: Node, keys: readonly string[]): Node {
  let node = from;
  for (const key of keys) {
    const next = isMap(node) ? node.get(key, true) : undefined;
    if (!isNode(next) || (isScalar(next) && next.value === null)) break;
    node = next;
  }
  return node;
}
