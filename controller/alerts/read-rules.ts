import { readRules as parse } from '../../proto/model/alerts/read.ts';
import type { RulesDocument } from '../../proto/model/alerts/rule.ts';
import { writeRules } from '../../proto/model/alerts/write.ts';
import type { DocumentProblem } from '../../proto/model/yaml/problem.ts';
import { invalidDocument, nameKeyOf, tenantProblem } from '../policies/read-document.ts';

/** A document as it is kept. */
export interface KeptRules {
  document: RulesDocument;
  /** Canonical YAML. */
  text: string;
  name: string;
  nameKey: string;
}

/** Reads what a caller sent; `tenant`: the name of the tenant that it is saved for. */
export function readSentRules(sent: string | object, tenant: string | undefined): KeptRules | { problems: DocumentProblem[] } {
  const text = typeof sent === 'string' ? sent : JSON.stringify(sent, undefined, 2);
  const read = parse(text);
  if ('problems' in read) return read;
  const { document } = read;
  const problem = tenantProblem(text, document.metadata.tenant, tenant);
  if (problem) return { problems: [problem] };
  const { name } = document.metadata;
  return { document, text: writeRules(document), name, nameKey: nameKeyOf(name) };
}

/** The same of what must be right. Throws POLICY_INVALID with each mistake. */
export function readValidRules(sent: string | object, tenant: string | undefined): KeptRules {
  const read = readSentRules(sent, tenant);
  if ('problems' in read) throw invalidDocument(read.problems);
  return read;
}
