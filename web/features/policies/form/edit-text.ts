import { isCollection, isMap, isNode, isScalar, isSeq, parseDocument, type Document, type YAMLSeq } from 'yaml';
import type { PolicyProblem } from '../../../../proto/model/policy/problem.ts';
import { readPolicy } from '../../../../proto/model/policy/read.ts';

export type Path = readonly (string | number)[];
/** A change of the document that a text stands for. */
export type Edit = (yaml: Document) => void;

const RULES: Path = ['spec', 'rules'];

/** The document of a text; comments and order are in it. */
export function documentOf(text: string): Document {
  // Other programs read “off” as YAML 1.1 did: it is written in quotation marks.
  return parseDocument(text, { compat: 'yaml-1.1' });
}

/** The text after an edit, with all comments and the order of what was not touched; or why the edit makes no policy of it. */
export function edited(text: string, edit: Edit): { text: string } | { problem: PolicyProblem } {
  const yaml = documentOf(text);
  edit(yaml);
  const after = withOwnSpacing(text, yaml.toString({ lineWidth: 0 }));
  const read = readPolicy(after);
  return 'problems' in read ? { problem: read.problems[0]! } : { text: after };
}

/** The library writes all brackets with the same spaces within. Lines that differ in nothing else stay as they were. */
function withOwnSpacing(before: string, after: string): string {
  const plain = (line: string) => (/["'#]/.test(line.split(' #')[0]!) ? line : line.replaceAll(/(?<=[[{]) +| +(?=[\]}])/g, ''));
  const own = new Map(before.split('\n').map((line) => [plain(line), line]));
  return after
    .split('\n')
    .map((line) => own.get(plain(line)) ?? line)
    .join('\n');
}

/** Sets the value at a path, or removes it by undefined, and then what is empty around it. */
export function setValue(path: Path, value: unknown): Edit {
  return (yaml) => {
    if (value === undefined) removeValue(yaml, path);
    else if (typeof value === 'object' && value !== null) yaml.setIn(path, yaml.createNode(value, { flow: true }));
    else yaml.setIn(path, value);
  };
}

/** Several edits in one. */
export function allOf(...edits: Edit[]): Edit {
  return (yaml) => edits.forEach((edit) => edit(yaml));
}

function removeValue(yaml: Document, path: Path): void {
  yaml.deleteIn(path);
  for (let length = path.length - 1; length > 1; length--) {
    const around = yaml.getIn(path.slice(0, length));
    const isLeft = isMap(around) && around.items.every(({ key }) => isScalar(key) && key.value === 'answer');
    // A rule is removed as a whole only by whoever means it.
    if (!isLeft || typeof path[length - 1] === 'number') return;
    yaml.deleteIn(path.slice(0, length));
  }
}

/** The value at a path as somebody would write it: a list with commas; empty if it is not there. */
export function textAt(yaml: Document, path: Path): string {
  const node = yaml.getIn(path, true);
  if (isSeq(node)) return node.items.map(scalarText).join(', ');
  return isCollection(node) ? '' : scalarText(node);
}

function scalarText(node: unknown): string {
  if (!isScalar(node)) return isNode(node) || node === undefined || node === null ? '' : String(node);
  if (node.value === null) return '';
  return typeof node.value === 'number' ? (node.source ?? String(node.value)) : String(node.value);
}

/** A helper on or off, in a list that is made if there is none; without any, the list says that none is wanted. */
export function setHelper(name: string, isOn: boolean): Edit {
  return (yaml) => {
    const path = ['spec', 'helpers'];
    const list = yaml.getIn(path);
    if (!isSeq(list)) return yaml.setIn(path, yaml.createNode(isOn ? [name] : [], { flow: true }));
    const at = list.items.findIndex((item) => scalarText(item) === name);
    if (isOn && at < 0) list.add(yaml.createNode(name));
    if (!isOn && at >= 0) list.delete(at);
  };
}

/** One more rule at the end: it says the mode that holds without it, until somebody says more. */
export function addRule(name: string): Edit {
  return (yaml) => {
    const rule = { name, mode: 'normal' };
    const rules = yaml.getIn(RULES);
    if (isSeq(rules)) rules.add(yaml.createNode(rule));
    else yaml.setIn(RULES, yaml.createNode([rule]));
  };
}

export function removeRule(index: number): Edit {
  return (yaml) => {
    const rules = rulesOf(yaml);
    rules.delete(index);
    if (rules.items.length === 0) yaml.deleteIn(RULES);
  };
}

/** Changes places with the rule before or after it; each takes its comments along. */
export function moveRule(index: number, by: -1 | 1): Edit {
  return (yaml) => {
    const { items } = rulesOf(yaml);
    const [moved, other] = [items[index], items[index + by]];
    if (moved === undefined || other === undefined) return;
    [items[index], items[index + by]] = [other, moved];
  };
}

/** The list of rules. What stands above its first one belongs to that one, and not to the list. */
function rulesOf(yaml: Document): YAMLSeq {
  const rules = yaml.getIn(RULES) as YAMLSeq;
  const [first] = rules.items;
  if (rules.commentBefore && isNode(first) && !first.commentBefore) {
    first.commentBefore = rules.commentBefore;
    rules.commentBefore = undefined;
  }
  return rules;
}
