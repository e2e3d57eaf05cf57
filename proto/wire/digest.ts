import { FlowKey as WireFlowKey } from '../gen/ctfleet/v1/flow.ts';
import type { FlowKey } from '../model/flow.ts';
import { toWireKey } from './flow.ts';

/** What a digest runs over, so that agent and controller hash alike: each key's protobuf bytes behind its length. Give it to SHA-256. */
export function digestBytes(key: FlowKey): Uint8Array {
  const bytes = WireFlowKey.encode(toWireKey(key)).finish();
  const framed = new Uint8Array(bytes.length + 4);
  new DataView(framed.buffer).setUint32(0, bytes.length);
  framed.set(bytes, 4);
  return framed;
}
