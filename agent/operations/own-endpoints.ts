import { lookup } from 'node:dns/promises';
import { networkInterfaces } from 'node:os';
import type { Endpoint } from './guard.ts';

/** Every address of this gateway, loopback too: the agent's channel may begin at any of them. */
export function ownAddresses(): string[] {
  return Object.values(networkInterfaces()).flatMap((found = []) => found.map(({ address }) => address));
}

/** The controller's addresses; a name is resolved, and one that does not resolve now gives none. */
export async function resolveEndpoint(address: string): Promise<Endpoint> {
  const { hostname, port } = new URL(`tcp://${address}`);
  const found = await lookup(hostname.replace(/^\[|\]$/g, ''), { all: true }).catch(() => []);
  return { addresses: found.map((one) => one.address), port: Number(port) };
}
