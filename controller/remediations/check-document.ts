import { DEFAULT_BLOCK_SECONDS, refusedBy } from '../../proto/model/block/of-filter.ts';
import { FleetError } from '../../proto/model/error-codes.ts';
import { forEachTerm, type FlowFilter, FLEET_FIELDS } from '../../proto/model/filter/filter.ts';
import { matchesEverything } from '../../proto/model/filter/everything.ts';
import { fillFilter, placeholdersOf } from '../../proto/model/filter/template.ts';
import type { RemediationDocument } from '../../proto/http/remediation-document.ts';
import { scheduleProblem } from './schedule.ts';
import { exampleOf } from '../../proto/model/triggers.ts';

/** What is wrong with a document, with the path of the field. */
export interface DocumentProblem {
  path: string;
  message: string;
}

/**
 * Checks what the schema cannot: a filter that excludes some flows, names that the trigger provides, a schedule that ever fires. Returns
 * all problems, each once.
 */
export function checkDocument({ trigger, filter, method, conditions, forSeconds }: RemediationDocument): DocumentProblem[] {
  const problems: DocumentProblem[] = [];
  const say = (path: string, message: string): void => {
    problems.push({ path, message });
  };
  const about = exampleOf(trigger.kind);
  const unknown = placeholdersOf(filter).filter((name) => !(name in about));
  if (unknown.length > 0) {
    say(
      'filter',
      `${unknown.map((name) => `$${name}`).join(', ')} cannot be filled in: the trigger ${trigger.kind} knows ${
        Object.keys(about)
          .map((name) => `$${name}`)
          .join(' and ') || 'no names'
      }`,
    );
  } else {
    const read = fillFilter(filter, about);
    if ('problem' in read) say('filter', `${read.problem.message} (at ${read.problem.start})`);
    else if (read.filter.kind === 'everything') say('filter', 'names no flows: a remediation never ends all of a table');
    else if (matchesEverything(read.filter)) say('filter', 'leaves no flow out: a remediation never ends all of a table');
    else
      forEachTerm(read.filter, ({ field }) => {
        if (FLEET_FIELDS.has(field)) say('filter', `${field}: says which gateways, and that is what \`scope\` is for`);
      });
  }
  if (method === 'block' && problems.length === 0) {
    const read = fillFilter(filter, about);
    const why = 'filter' in read ? whyNoBlock(read.filter) : undefined;
    if (why !== undefined) say('filter', why);
  }
  if (trigger.kind === 'schedule') {
    const problem = scheduleProblem(trigger.cron, trigger.timeZone === 'site' ? 'UTC' : trigger.timeZone);
    if (problem) say(`trigger.${problem.field}`, problem.message);
  }
  if (conditions.healthyTarget && about.wan === undefined)
    say('conditions.healthyTarget', `has no meaning for the trigger ${trigger.kind}`);
  if (conditions.mostFlapsAnHour !== undefined && about.wan === undefined)
    say('conditions.mostFlapsAnHour', `has no meaning for the trigger ${trigger.kind}`);
  if (method === 'delete' && forSeconds !== undefined) say('forSeconds', 'has no meaning for the method delete');
  return problems;
}

/** Why packets cannot be refused by a filter; undefined if they can. */
function whyNoBlock(filter: FlowFilter): string | undefined {
  try {
    refusedBy(filter, DEFAULT_BLOCK_SECONDS);
    return undefined;
  } catch (error) {
    if (error instanceof FleetError) return error.message;
    throw error;
  }
}
