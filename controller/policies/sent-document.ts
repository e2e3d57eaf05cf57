import { readPolicy } from '../../proto/model/policy/read.ts';
import type { EffectivePolicy } from '../../proto/model/policy/effective.ts';
import { writePolicy } from '../../proto/model/policy/write.ts';

/** In one message with the rest of a command: messages to agents have 256 KiB at most. */
const MAX_SENT_BYTES = 240 * 1024;

/** All that holds on a gateway as one document by this name, in canonical YAML; or why a gateway would not take it. */
export function sentDocument(name: string, { values }: EffectivePolicy): { document: string } | { reason: string } {
  const document = writePolicy({ metadata: { name }, spec: values });
  const bytes = Buffer.byteLength(document);
  if (bytes > MAX_SENT_BYTES)
    return {
      reason: `all policies that reach it come to ${Math.ceil(bytes / 1024)} KiB, and one command takes ${MAX_SENT_BYTES / 1024}: shorten them`,
    };
  const read = readPolicy(document);
  if ('document' in read) return { document };
  return { reason: `all policies that reach it are too much together: ${read.problems[0]?.message ?? 'they cannot be read'}` };
}
