import type { ChildProcess } from 'node:child_process';
import os from 'node:os';
import path from 'node:path';
import { Lab } from '../../test/lab/lab.ts';
import { CONTROLLER_ADDRESS } from '../../test/lab/topology.ts';
import { ROOT } from '../set-up.ts';
import type { PlacedGateway } from './enrol.ts';
import { startProgram, startUntil, type Home } from './programs.ts';

const ENROL_PORT = 4443;
const LINK_PORT = 4444;
/** Of a simulated gateway. */
const SIMULATED_FLOWS = 2000;
/** Where gateways of the lab find the controller. */
export const ENROL_IN_LAB = `[${CONTROLLER_ADDRESS}]:${ENROL_PORT}`;
export const LINK_IN_LAB = `[${CONTROLLER_ADDRESS}]:${LINK_PORT}`;
const relay = path.join(ROOT, 'test/lab/relay.ts');
const traffic = (name: string) => path.join(ROOT, 'test/lab/traffic', `${name}.ts`);

export interface ControllerPorts {
  enrolPort: number;
  linkPort: number;
}

/** Starts the lab with the controller reachable from its gateways, and no agent yet. */
export async function startLab(home: Home, gateways: number, ports: ControllerPorts, withTraffic: boolean): Promise<Lab> {
  const prefix = `ctf${process.pid}`;
  home.family.adoptNamespaces(prefix);
  const lab = new Lab({ prefix, gateways });
  lab.up();
  await Promise.all(
    (
      [
        ['enrol', ENROL_PORT, ports.enrolPort],
        ['link', LINK_PORT, ports.linkPort],
      ] as const
    ).map(async ([name, labPort, port]) => {
      const socket = path.join(os.tmpdir(), `${prefix}-${name}.sock`);
      home.family.adoptFile(socket);
      await startUntil(home, `relay-${name}`, process.execPath, [relay, 'unix', socket, '127.0.0.1', String(port)], {}, isRelaying);
      await startUntil(
        home,
        `relay-${name}-lab`,
        'ip',
        ['netns', 'exec', lab.names.control, process.execPath, relay, 'tcp', CONTROLLER_ADDRESS, String(labPort), socket],
        {},
        isRelaying,
      );
    }),
  );
  if (withTraffic) {
    await startUntil(
      home,
      'servers',
      'ip',
      ['netns', 'exec', lab.names.inet, process.execPath, traffic('servers')],
      {},
      (line) => line === 'serving' || undefined,
    );
    for (let n = 1; n <= gateways; n++)
      startProgram(home, `traffic-${n}`, 'ip', ['netns', 'exec', lab.names.lan(n), process.execPath, traffic('mix'), String(n)], {});
  }
  return lab;
}

/** Starts an agent inside a gateway of the lab. */
export function startKernelAgent(home: Home, lab: Lab, gateway: PlacedGateway, env: Record<string, string> = {}): ChildProcess {
  return startProgram(
    home,
    `agent-${gateway.name}`,
    'ip',
    ['netns', 'exec', lab.names.gateway(gateway.number), process.execPath, path.join(ROOT, 'build/agent/main.js'), 'run'],
    {
      ...env,
      CTFLEET_STATE_DIR: gateway.stateDir,
      CTFLEET_ENROL_ADDRESS: ENROL_IN_LAB,
      CTFLEET_LINK_ADDRESS: LINK_IN_LAB,
      ...(gateway.joinToken && { CTFLEET_JOIN_TOKEN: gateway.joinToken }),
      ...env,
    },
  );
}

export interface Simulation {
  /** Of each simulated gateway. */
  flows?: number;
  processes?: number;
  /** How often each process says what it costs. */
  reportMs?: number;
  onLine?: (line: string) => void;
}

/** Starts all gateways in memory; the program reads what they are from standard input. */
export function startMemoryAgents(
  home: Home,
  gateways: PlacedGateway[],
  ports: ControllerPorts,
  { flows, processes, reportMs, onLine }: Simulation = {},
): ChildProcess {
  const child = startProgram(
    home,
    'simulated',
    process.execPath,
    [path.join(ROOT, 'build/agent/simulate/main.js')],
    {
      CTFLEET_ENROL_ADDRESS: `127.0.0.1:${ports.enrolPort}`,
      CTFLEET_LINK_ADDRESS: `127.0.0.1:${ports.linkPort}`,
      CTFLEET_LOG_LEVEL: 'warn',
    },
    onLine,
    'pipe',
  );
  child.stdin!.end(
    JSON.stringify({
      processes,
      reportMs,
      gateways: gateways.map(({ name, number, stateDir, joinToken, isSimulated }) => ({
        name,
        seed: number,
        stateDir,
        joinToken,
        ...(isSimulated && { flows: flows ?? SIMULATED_FLOWS }),
      })),
    }),
  );
  return child;
}

function isRelaying(line: string): true | undefined {
  return line === 'relaying' || undefined;
}
