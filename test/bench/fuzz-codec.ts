/**
 * Damaged messages and attribute trees against every decoder: `node test/bench/fuzz-codec.ts [--count 10000000] [--seed N] [--json]`. Fails
 * at the first that is neither decoded nor refused with DecodeError; the same seed finds it again.
 */
import { parseArgs } from 'node:util';
import { fuzzCodec } from '../support/fuzz-codec.ts';

const { values: options } = parseArgs({
  options: { json: { type: 'boolean' }, count: { type: 'string', default: '10000000' }, seed: { type: 'string', default: '1' } },
});
const [count, seed] = [Number(options.count), Number(options.seed)];
const beganMs = performance.now();
const { decoded, refused, heapGrowthBytes, slowestMs } = fuzzCodec({
  count,
  seed,
  onProgress: (done) => {
    if (process.stderr.isTTY) process.stderr.write(`\r${done.toLocaleString('en')} `);
  },
});
const perSecond = count / ((performance.now() - beganMs) / 1000);
const ok = Math.abs(heapGrowthBytes) < 16 << 20;
if (options.json)
  console.log(
    JSON.stringify({
      bench: 'fuzz-codec',
      name: 'every message decodes or is refused',
      size: count,
      seed,
      decoded,
      refused,
      perSecond: Math.round(perSecond),
      heapGrowthBytes,
      slowestMs,
      ok,
    }),
  );
else {
  console.log(
    `${count.toLocaleString('en')} messages and trees, seed ${seed}: ${decoded.toLocaleString('en')} decoded, ${refused.toLocaleString('en')} refused with DecodeError, nothing else`,
  );
  console.log(
    `${Math.round(perSecond).toLocaleString('en')} a second; heap grew by ${(heapGrowthBytes / 1024).toFixed(0)} KB; the slowest took ${slowestMs.toFixed(1)} ms; resident ${(process.memoryUsage().rss / 1e6).toFixed(0)} MB`,
  );
}
process.exit(ok ? 0 : 1);
