import { createHash } from 'node:crypto';
import { isMap, isNode } from 'yaml';
import { FleetError } from '../../proto/model/error-codes.ts';
import type { PolicyDocument } from '../../proto/model/policy/document.ts';
import type { PolicyProblem } from '../../proto/model/policy/problem.ts';
import { readPolicy } from '../../proto/model/policy/read.ts';
import { writePolicy } from '../../proto/model/policy/write.ts';
import { parseSource } from '../../proto/model/yaml/yaml-source.ts';

/** A document as it is kept. */
export interface KeptDocument {
  document: PolicyDocument;
  /** Canonical YAML. */
  text: string;
  /** SHA-256 of the text, in hex. */
  digest: string;
}

/** Names that are the same to people are the same. */
export function nameKeyOf(name: string): string {
  return name.normalize('NFKC').toLowerCase();
}

/**
 * Reads what a caller sent: YAML or JSON as text, or a JSON object. `tenant`: the name of the tenant that it is saved for, which the
 * document must have if it has one; undefined for the installation.
 */
export function readDocument(sent: string | object, tenant: string | undefined): KeptDocument | { problems: PolicyProblem[] } {
  const text = typeof sent === 'string' ? sent : JSON.stringify(sent, undefined, 2);
  const read = readPolicy(text);
  if ('problems' in read) return read;
  const { document } = read;
  const problem = tenantProblem(text, document.metadata.tenant, tenant);
  if (problem) return { problems: [problem] };
  const canonical = writePolicy(document);
  return { document, text: canonical, digest: createHash('sha256').update(canonical).digest('hex') };
}

/** The same of what must be right. Throws POLICY_INVALID with each mistake. */
export function readValid(sent: string | object, tenant: string | undefined): KeptDocument {
  const read = readDocument(sent, tenant);
  if ('problems' in read) throw invalidDocument(read.problems);
  return read;
}

/** What a stored text says; undefined for one that an earlier version could read and this one cannot. */
export function readKept(text: string): PolicyDocument | undefined {
  const read = readPolicy(text);
  return 'document' in read ? read.document : undefined;
}

/** What is wrong with the tenant that a document names, if it is saved for another one or for the installation. */
export function tenantProblem(text: string, said: string | undefined, tenant: string | undefined): PolicyProblem | undefined {
  if (said === undefined || said === tenant) return undefined;
  const cure = tenant === undefined ? 'remove it, or save it for that tenant' : `write ${tenant}, or remove it`;
  const message = `it is saved for ${tenant === undefined ? 'the installation' : `the tenant ${tenant}`}`;
  return { ...placeOfTenant(text), path: 'metadata.tenant', message, cure };
}

/** One refusal for all mistakes of a document. */
export function invalidDocument(problems: PolicyProblem[]): FleetError {
  const [first] = problems;
  const more = problems.length > 1 ? ` There are ${problems.length - 1} more.` : '';
  return new FleetError(
    'POLICY_INVALID',
    first ? `Line ${first.line}, column ${first.column}: ${first.message}; ${first.cure}.${more}` : 'The document has mistakes.',
    { problems },
  );
}

function placeOfTenant(text: string): { line: number; column: number } {
  const source = parseSource(text, 'document');
  const node = 'root' in source && isMap(source.root) ? source.root.getIn(['metadata', 'tenant'], true) : undefined;
  const { line, col } = source.lines.linePos(isNode(node) ? (node.range?.[0] ?? 0) : 0);
  return { line, column: col };
}
