/**
 * The table of a policy is replaced while packets come in that its rules concern: `npm run bench -- policy-flood [--times 500]
 * [--rate 100000] [--json]`. A rate of 0 is as fast as the sender can. Fails if one packet passes as it would without rules. Needs root.
 */
import { parseArgs } from 'node:util';
import { Namespace } from '../support/namespace.ts';
import { PolicyTrial } from '../support/policy-trial.ts';
import { replacedUnderFlood } from '../support/replaced-under-flood.ts';

const { values: options } = parseArgs({
  options: { json: { type: 'boolean' }, times: { type: 'string', default: '500' }, rate: { type: 'string', default: '100000' } },
});
const why = Namespace.why();
if (why) {
  console.error(`skipped: ${why}`);
  process.exit(0);
}
const trial = new PolicyTrial('ctw-bench-flood');
const report = await replacedUnderFlood(trial, { times: Number(options.times), rate: Number(options.rate) }).finally(() => trial.end());
const { replaced, packetsPerSecond, counts, without } = report;
const { arrived, ...passed } = counts;
const isOk = Object.values(passed).every((packets) => packets === 0) && without.midstream + without.tracked + without.unlimited === 3;
const number = (value: number): string => Math.round(value).toLocaleString('en');
if (options.json)
  console.log(
    JSON.stringify({ bench: 'policy-flood', name: 'replaced under flood', size: arrived, packetsPerSecond, replaced, ...passed, ok: isOk }),
  );
else {
  console.log(`${number(replaced)} replacements under ${number(packetsPerSecond)} packets a second; ${number(arrived)} arrived meanwhile`);
  console.log(`passed as without rules: ${passed.midstream} of TCP, ${passed.tracked} tracked, ${passed.unlimited} beyond the limit`);
}
process.exitCode = isOk ? 0 : 1;
