import { FlowKey as WireFlowKey } from '../gen/ctfleet/v1/flow.ts';
import type { FlowKey } from '../model/flow.ts';
import { Encoder } from './encoder.ts';
import { toWireKey } from './flow.ts';

const encoder = new Encoder();

/**
 * What is hashed for a plan's digest, the same in agent and controller: each key's protobuf bytes, prefixed by their length. Input for
 * SHA-256.
 */
export function digestBytes(key: FlowKey): Uint8Array {
  return wireDigestBytes(toWireKey(key));
}

/** The same of a message; what it has beside the key does not count. */
export function wireDigestBytes(key: WireFlowKey): Uint8Array {
  return encoder.encodeFramed(WireFlowKey, key);
}
