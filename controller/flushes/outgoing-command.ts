import { SignedApproval, type Command as WireCommand } from '../../proto/gen/ctfleet/v1/operation.ts';
import type { MethodWord } from '../../proto/model/method.ts';
import { toWireMethod } from '../../proto/wire/method.ts';
import type { Command } from '../generated/prisma/client.ts';
import { POLICY } from './subject.ts';

/**
 * How long after a delete the agent checks again whether a flow came back: a voice packet comes every 20 ms, and TCP retransmits after 200
 * ms at the earliest.
 */
const VERIFY_AFTER_MS = 250;

/** A command as its gateway is sent it. `document`: of one that puts a policy in force. */
export function toWireCommand(command: Command, epoch: bigint, document: string | undefined): WireCommand {
  const work = command.method === POLICY ? policyWork(command, document) : flowWork(command);
  return { id: command.id, seq: command.seq, epoch, notAfterMs: BigInt(command.notAfter.getTime()), work };
}

function policyWork({ planId, digest, forSeconds, undoOf }: Command, document: string | undefined): WireCommand['work'] {
  if (undoOf === null && document === undefined) throw new Error('a policy without its document');
  const value = { planId, withinSeconds: forSeconds ?? 0 };
  return undoOf === null
    ? { $case: 'applyPolicy', value: { ...value, document: document!, digest: Buffer.from(digest), insteadOf: '' } }
    : { $case: 'applyPolicy', value: { ...value, document: '', digest: Buffer.alloc(0), insteadOf: undoOf } };
}

function flowWork({ planId, digest, method, forSeconds, undoForSeconds, maxDrift, approval, undoOf }: Command): WireCommand['work'] {
  if (undoOf !== null) return { $case: 'undoPlan', value: { commandId: undoOf, planId } };
  return {
    $case: 'runPlan',
    value: {
      planId,
      digest: Buffer.from(digest),
      method: toWireMethod(method as MethodWord),
      verifyAfterMs: VERIFY_AFTER_MS,
      forSeconds: forSeconds ?? undefined,
      undoForSeconds,
      maxDrift: maxDrift ?? undefined,
      approval: approval ? SignedApproval.decode(approval) : undefined,
    },
  };
}
