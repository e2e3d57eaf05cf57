/**
 * Plans that run while flows are born: `npm run bench -- churn [--rounds 200] [--rate 10000] [--json]`. Fails at the first flow that was
 * ended and not planned. Needs root.
 */
import { parseArgs } from 'node:util';
import { churnRounds } from '../support/churn-rounds.ts';
import { Namespace } from '../support/namespace.ts';

const { values: options } = parseArgs({
  options: { json: { type: 'boolean' }, rounds: { type: 'string', default: '200' }, rate: { type: 'string', default: '10000' } },
});
const why = Namespace.why();
if (why) {
  console.error(`skipped: ${why}`);
  process.exit(0);
}
const { rounds, bornPerSecond, born, planned, deleted, gone, sparedStrangers, sparedTwins, sameIds, sparedProtected, seconds } =
  await churnRounds({ prefix: 'ctg-churn', rounds: Number(options.rounds), rate: Number(options.rate) });
if (options.json)
  console.log(
    JSON.stringify({
      bench: 'churn',
      name: 'only planned flows end',
      size: planned,
      rounds,
      born,
      bornPerSecond: Math.round(bornPerSecond),
      deleted,
      gone,
      sparedStrangers,
      sparedTwins,
      sameIds,
      sparedProtected,
      ok: true,
    }),
  );
else {
  console.log(
    `${rounds} rounds in ${seconds.toFixed(1)} s, ${born.toLocaleString('en')} flows born (${Math.round(bornPerSecond).toLocaleString('en')} a second)`,
  );
  console.log(
    `${planned.toLocaleString('en')} planned: ${deleted.toLocaleString('en')} ended by us, ${gone.toLocaleString('en')} had already ended; none outside the plans`,
  );
  console.log(
    `spared: ${sparedStrangers.toLocaleString('en')} born since that the filter matches, ${sparedTwins.toLocaleString('en')} with the tuple of a planned one, ${sameIds.toLocaleString('en')} of them also with its id, ${sparedProtected.toLocaleString('en')} protected ones that plans named`,
  );
}
