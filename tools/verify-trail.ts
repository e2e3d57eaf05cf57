// node tools/run.mjs verify-trail TRAIL.ndjson KEY.pem: verifies an exported audit trail against the public key. Needs nothing from the
// installation that wrote it.
import { readFileSync } from 'node:fs';
import { verifyTrail } from '../controller/audit/trail.ts';
import { toPrintable } from '../proto/model/text.ts';
import { fail } from './say.ts';

const [trail, key] = process.argv.slice(2);
if (trail === undefined || key === undefined)
  fail('Name the files: TRAIL.ndjson of GET /api/v1/audit:export, and KEY.pem, the `publicKey` of GET /api/v1/audit/checkpoints.');
const verdict = verifyTrail(readFileSync(trail, 'utf8').trimEnd().split('\n'), readFileSync(key, 'utf8'));
if (verdict.isIntact) {
  const { entries, chains, approvals } = verdict;
  console.log(`The trail is intact: ${entries} entries of ${chains} chains.`);
  console.log(`Plans approved by a second person: ${approvals.signed + approvals.unsigned}, of which ${approvals.signed} signed.`);
  for (const { person, passkey, fingerprint, publicKey, approvals: count } of approvals.keys)
    console.log(`  ${count} by ${toPrintable(person)} with passkey ${toPrintable(passkey)}, key ${fingerprint}: ${publicKey}`);
} else {
  const { line, chain, seq, id, why } = verdict.firstBreak;
  fail(
    `Line ${line} does not verify: ${[chain && `chain ${chain}`, seq !== undefined && `entry ${seq}`, id].filter(Boolean).join(', ')}${chain ? ': ' : ''}${why}.`,
  );
}
