import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { CONTROLLER_ROLES, readConfig, SETTINGS, type Config } from '../controller/platform/config.ts';
import { ROOT } from './set-up.ts';

const FOLDER = path.join(ROOT, 'deploy/kubernetes');
/** What docs/kubernetes.md has operators put into Secrets. */
const SECRET_SETTINGS = {
  CTFLEET_DATABASE_URL: 'postgresql://ctfleet:secret@postgres/ctfleet',
  CTFLEET_REDIS_URL: 'redis://:secret@redis',
};
const POD_IP = '10.1.2.3';
/** Five seconds more than it drains, says docs/replicas.md. */
const STOP_SECONDS = 5;

interface Probe {
  httpGet?: { path: string; port: string };
}
interface Container {
  name: string;
  image: string;
  command?: string[];
  env?: { name: string; value?: string; valueFrom?: { fieldRef?: { fieldPath: string } } }[];
  envFrom?: { configMapRef: { name: string } }[];
  ports?: { name: string; containerPort: number }[];
  startupProbe?: Probe;
  readinessProbe?: Probe;
  livenessProbe?: Probe;
  resources: Record<'requests' | 'limits', { cpu: string; memory: string }>;
  securityContext: object;
}
interface Pod {
  automountServiceAccountToken: boolean;
  enableServiceLinks: boolean;
  securityContext: object;
  terminationGracePeriodSeconds: number;
  topologySpreadConstraints?: { labelSelector: { matchLabels: Labels } }[];
  containers: Container[];
  initContainers?: Container[];
}
type Labels = Record<string, string>;
interface Peer {
  podSelector?: { matchLabels?: Labels };
}
interface Rule {
  from?: Peer[];
  to?: Peer[];
  ports?: { port: number }[];
}
interface Manifest {
  kind: string;
  metadata: { name: string };
  data?: Record<string, string>;
  spec: {
    replicas?: number;
    selector: Labels & { matchLabels?: Labels };
    podSelector?: { matchLabels?: Labels };
    template: { metadata: { labels: Labels }; spec: Pod };
    ports?: { port: number; targetPort: string }[];
    ingress?: Rule[];
    egress?: Rule[];
  };
}

const filesOf = (folder: string): string[] => readdirSync(path.join(FOLDER, folder)).filter((name) => name !== 'kustomization.yaml');
const folders = readdirSync(FOLDER);
const manifestsOf = (folder: string): Manifest[] =>
  filesOf(folder).flatMap((name) =>
    parseAllDocuments(readFileSync(path.join(FOLDER, folder, name), 'utf8')).map((document) => {
      if (document.errors.length > 0) throw new Error(`${folder}/${name}: ${document.errors.join('; ')}`);
      return document.toJS() as Manifest;
    }),
  );
const all = folders.flatMap(manifestsOf);
const workloads = all.filter(({ spec }) => spec?.template !== undefined);
const named = (items: Manifest[]): [string, Manifest][] => items.map((item) => [`${item.kind} ${item.metadata.name}`, item]);
const controllers = workloads.filter(({ spec }) => spec.template.metadata.labels['app.kubernetes.io/name'] === 'ctfleet-controller');
const labelsOf = ({ spec }: Manifest): Labels => spec.template.metadata.labels;
const matches = (labels: Labels, wanted: Labels = {}): boolean => Object.entries(wanted).every(([name, value]) => labels[name] === value);
const settings = all.find(({ kind }) => kind === 'ConfigMap')!.data!;

/** The settings of a controller's container, as its pod would have them. */
function environmentOf({ env = [], envFrom = [] }: Container): Record<string, string> {
  expect(envFrom).toEqual([{ configMapRef: { name: 'ctfleet-settings' } }]);
  const own = env.map(({ name, value, valueFrom }) => [name, value ?? (valueFrom?.fieldRef?.fieldPath === 'status.podIP' ? POD_IP : '')]);
  return { ...settings, ...Object.fromEntries(own) };
}

function configOf(workload: Manifest): Config {
  return readConfig({ ...environmentOf(workload.spec.template.spec.containers[0]!), ...SECRET_SETTINGS });
}

/** The ports of one pod that rules let another one reach. */
function reachable(from: Manifest, to: Manifest): number[] {
  const policies = all.filter(({ kind }) => kind === 'NetworkPolicy');
  const allowed = (side: 'ingress' | 'egress', own: Labels, other: Labels): number[] =>
    policies
      .filter(({ spec }) => matches(own, spec.podSelector?.matchLabels))
      .flatMap(({ spec }) => spec[side] ?? [])
      .filter((rule) => (rule.from ?? rule.to ?? [{ podSelector: {} }]).some(({ podSelector: p }) => p && matches(other, p.matchLabels)))
      .flatMap(({ ports = [] }) => ports.map(({ port }) => port));
  const into = allowed('ingress', labelsOf(to), labelsOf(from));
  return [...new Set(allowed('egress', labelsOf(from), labelsOf(to)).filter((port) => into.includes(port)))].toSorted();
}

const find = (name: string): Manifest => workloads.find(({ metadata }) => metadata.name === name)!;

describe('the manifests for Kubernetes', () => {
  it.each(folders)('%s applies each of its files, and no other', (folder) => {
    const { resources } = parse(readFileSync(path.join(FOLDER, folder, 'kustomization.yaml'), 'utf8')) as { resources: string[] };
    expect(resources.filter((name) => name !== '../base').toSorted()).toEqual(filesOf(folder).toSorted());
  });

  it.each(named(workloads))('%s can do nothing but run', (_, { spec }) => {
    const pod = spec.template.spec;
    expect(pod).toMatchObject({
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      securityContext: { runAsNonRoot: true, runAsUser: expect.any(Number), seccompProfile: { type: 'RuntimeDefault' } },
    });
    for (const container of [...pod.containers, ...(pod.initContainers ?? [])]) {
      expect(container.securityContext).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      });
      const sizes = { cpu: expect.any(String), memory: expect.any(String) };
      expect(container.resources).toEqual({ requests: sizes, limits: sizes });
    }
  });

  it.each(named(workloads.filter(({ kind }) => kind !== 'Job')))(
    '%s is watched by three probes, and found by its own labels',
    (_, { spec }) => {
      for (const container of spec.template.spec.containers)
        expect(container).toMatchObject({
          startupProbe: expect.any(Object),
          readinessProbe: expect.any(Object),
          livenessProbe: expect.any(Object),
        });
      expect(matches(spec.template.metadata.labels, spec.selector.matchLabels)).toBe(true);
      for (const { labelSelector } of spec.template.spec.topologySpreadConstraints ?? [])
        expect(matches(spec.template.metadata.labels, labelSelector.matchLabels)).toBe(true);
    },
  );

  it.each(named(all.filter(({ spec }) => (spec?.replicas ?? 1) > 1)))('%s is spread, and has a budget', (_, workload) => {
    expect(workload.spec.template.spec.topologySpreadConstraints).toHaveLength(1);
    const budgets = all.filter(
      ({ kind, spec }) => kind === 'PodDisruptionBudget' && matches(labelsOf(workload), spec.selector.matchLabels),
    );
    expect(budgets).toHaveLength(1);
  });

  it.each(named(all.filter(({ kind }) => kind === 'Service')))('%s leads to ports that its pods have', (_, service) => {
    const behind = workloads.filter((workload) => matches(labelsOf(workload), service.spec.selector));
    expect(behind.length).toBeGreaterThan(0);
    for (const { spec } of behind) {
      const offered = spec.template.spec.containers.flatMap(({ ports = [] }) => ports.map((one) => [one.name, one.containerPort]));
      for (const { port, targetPort } of service.spec.ports!) expect(offered).toContainEqual([targetPort, port]);
    }
  });

  it('no Service gives pods a variable that is a setting', () => {
    const names = all.filter(({ kind }) => kind === 'Service').map(({ metadata }) => metadata.name.toUpperCase().replaceAll('-', '_'));
    for (const name of names) expect(SETTINGS.filter((setting) => setting.startsWith(`${name}_`))).toEqual([]);
  });
});

describe('a controller in Kubernetes', () => {
  it.each(named(controllers))('%s has settings that exist and are valid', (_, { spec }) => {
    const environment = environmentOf(spec.template.spec.containers[0]!);
    expect(Object.keys(environment).filter((name) => !SETTINGS.includes(name))).toEqual([]);
    expect(readConfig({ ...environment, ...SECRET_SETTINGS }).api.host).toBe('0.0.0.0');
  });

  it.each(named(controllers))('%s opens the ports that its roles listen on', (_, workload) => {
    const { api, enrol, link, peer, roles } = configOf(workload);
    const ports = Object.fromEntries(workload.spec.template.spec.containers[0]!.ports!.map((one) => [one.name, one.containerPort]));
    const ofLink = { enrol: enrol.port, link: link.port, peer: peer.port };
    expect(ports).toEqual({ api: api.port, ...(roles.includes('link') ? ofLink : {}) });
    if (roles.includes('link')) expect(peer).toEqual({ host: POD_IP, port: 4445 });
    for (const role of CONTROLLER_ROLES) expect(labelsOf(workload)[`ctfleet/${role}`]).toBe(roles.includes(role) ? 'yes' : undefined);
  });

  it.each(named(controllers))('%s is ready by /readyz, alive by /healthz, and has time to drain', (_, workload) => {
    const [container] = workload.spec.template.spec.containers;
    expect(container!.readinessProbe!.httpGet).toEqual({ path: '/readyz', port: 'api' });
    expect(container!.livenessProbe!.httpGet).toEqual({ path: '/healthz', port: 'api' });
    const { terminationGracePeriodSeconds } = workload.spec.template.spec;
    expect(terminationGracePeriodSeconds).toBeGreaterThanOrEqual(configOf(workload).drainMs / 1000 + STOP_SECONDS);
  });

  it.each([
    ['small', ['api', 'link', 'work']],
    ['apart', ['api', 'link', 'work']],
  ])('%s has every role', (folder, wanted) => {
    const present = controllers.filter((one) => manifestsOf(folder).some(({ metadata }) => metadata.name === one.metadata.name));
    expect([...new Set(present.flatMap((one) => configOf(one).roles))].toSorted()).toEqual(wanted);
  });
});

describe('the network policies', () => {
  it.each([
    ['web', 'controller-api', [4000]],
    ['web', 'controller-link', []],
    ['web', 'postgres', []],
    ['controller-api', 'controller-link', [4445]],
    ['controller-work', 'controller-link', [4445]],
    ['controller-all', 'controller-all', [4445]],
    ['controller-link', 'controller-work', []],
    ['controller-link', 'web', []],
    ['controller-api', 'postgres', [5432]],
    ['controller-link', 'postgres', [5432]],
    ['controller-work', 'redis', [6379]],
    ['migrate', 'postgres', [5432]],
    ['migrate', 'controller-api', []],
    ['redis', 'postgres', []],
  ])('let %s reach %s by %j', (from, to, ports) => {
    expect(reachable(find(from), find(to))).toEqual(ports);
  });
});
