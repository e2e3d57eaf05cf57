import type { PolicyMatch } from '../../../proto/model/policy/document.ts';

export interface SparedEnds {
  /** Every address of this gateway. */
  own: readonly string[];
  /** The controller's, as far as it is known. */
  controller?: { addresses: readonly string[]; port: number };
  /** Where people get in by SSH. */
  sshPorts: readonly number[];
}

/** Packets to this gateway that no rule of a policy touches: those of the agent's own channel, and of SSH to the gateway itself. */
export function sparedPackets({ own, controller, sshPorts }: SparedEnds): PolicyMatch[] {
  if (own.length === 0) return [];
  const dst = [...new Set(own)].toSorted();
  const one = (port: number): { from: number; to: number } => ({ from: port, to: port });
  return [
    { proto: 'tcp', dst, dport: [...new Set(sshPorts)].toSorted((a, b) => a - b).map(one) },
    ...(controller && controller.addresses.length > 0
      ? [{ proto: 'tcp', src: controller.addresses.toSorted(), dst, sport: [one(controller.port)] }]
      : []),
  ];
}

/** The ports of SSH that such packets are about. Pairs with `sparedPackets`. */
export function sshPortsIn(spared: readonly PolicyMatch[]): number[] {
  return spared.flatMap(({ dport = [] }) => dport.map(({ from }) => from));
}

const USUAL_SSH_PORT = 22;

/**
 * The usual port of SSH, and that by which whoever runs this program is connected.
 * @param connection SSH_CONNECTION: client, its port, server, its port
 */
export function sshPortsOf(connection: string | undefined): number[] {
  const port = Number(/^\S+ \d+ \S+ (\d{1,5})$/.exec(connection ?? '')?.[1] ?? USUAL_SSH_PORT);
  return [...new Set([USUAL_SSH_PORT, port])];
}
