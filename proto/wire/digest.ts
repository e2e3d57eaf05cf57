import { FlowKey as WireFlowKey } from '../gen/ctfleet/v1/flow.ts';
import type { FlowKey } from '../model/flow.ts';
import { toWireKey } from './flow.ts';

/**
 * What is hashed for a plan's digest, the same in agent and controller: each key's protobuf bytes, prefixed by their length. Input for
 * SHA-256.
 */
export function digestBytes(key: FlowKey): Uint8Array {
  const bytes = WireFlowKey.encode(toWireKey(key)).finish();
  const framed = new Uint8Array(bytes.length + 4);
  new DataView(framed.buffer).setUint32(0, bytes.length);
  framed.set(bytes, 4);
  return framed;
}
