import type { Block } from '../../proto/http/blocks.ts';
import type { Plan } from '../../proto/http/plans.ts';
import { count, counted } from './format.ts';

/** What a block refuses, as a sentence of its own: each text once, since most gateways of a plan freeze the same. */
export function refusedSentences(gateways: Plan['gateways']): string[] {
  return [...new Set(gateways.flatMap(({ refused }) => (refused ? [asSentence(refused.words)] : [])))];
}

/** What is let through all the same, on whichever gateway; undefined where nothing is. */
export function sparedSentence(gateways: Plan['gateways']): string | undefined {
  const spared = [...new Set(gateways.flatMap((gateway) => gateway.spared))];
  return spared.length === 0 ? undefined : `Let through all the same: ${spared.join(', ')}.`;
}

/** “14 packets refused so far”, or that nothing came. */
export function soFarWords({ packetsRefused }: Pick<Block, 'packetsRefused'>): string {
  const packets = Number(packetsRefused);
  return packets === 0 ? 'nothing came so far' : `${packets === 1 ? '1 packet' : `${count(packets)} packets`} refused so far`;
}

/** True for a plan that refuses what has no flow yet, so that it is one without any. */
export function refusesNewFlows({ method, gateways }: Pick<Plan, 'method' | 'gateways'>): boolean {
  return method === 'block' && gateways.some(({ refused }) => refused !== undefined && refused.conditions.length > 0);
}

/** The number that an operator types to confirm: of flows, or of gateways where a block has no flow to end. */
export function numberToConfirm({ totals }: Pick<Plan, 'totals'>): { number: number; noun: string } {
  return totals.flows > 0 ? { number: totals.flows, noun: 'flows' } : { number: totals.gateways, noun: 'gateways' };
}

/** “Refused: every packet from and to 10.0.0.2, for 60 s.” */
export function asSentence(words: string): string {
  return `Refused: ${words}.`;
}

/** The title of a block without a flow. */
export function blockWords({ totals }: Pick<Plan, 'totals'>): string {
  return `Block on ${counted(totals.gateways, 'gateway')}`;
}
