import { chownSync, cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseAllDocuments, stringify } from 'yaml';
import { ROOT } from '../../tools/set-up.ts';

const FOLDER = path.join(ROOT, 'deploy/kubernetes');

interface Volume {
  name: string;
  secret?: { secretName: string; defaultMode: number };
  emptyDir?: object;
}
interface Template {
  metadata: { labels: Record<string, string> };
  spec: {
    restartPolicy?: string;
    securityContext: { runAsUser: number; fsGroup?: number };
    hostAliases?: { ip: string; hostnames: string[] }[];
    volumes: Volume[];
    containers: { env?: { name: string; value?: string; valueFrom?: object }[] }[];
  };
}
interface Manifest {
  kind: string;
  metadata: { name: string };
  data?: Record<string, string>;
  spec?: { template: Template };
}

/** What stands for the parts of a cluster that podman does not have. */
export interface Stand {
  /** Where volumes are, and below `secrets` a folder for each Secret. */
  folder: string;
  /** The address at which every Service answers. */
  services: string;
  settings: Record<string, string>;
}

/** The file for `podman kube play` of one pod of a workload. Changed is only what podman 4.3 cannot do, and what a cluster decides. */
export function podOf({ folder, services, settings }: Stand, file: string, workload: string, pod: { name: string; ip: string }): string {
  const manifests = read(file);
  const shared = read('base/settings.yaml').find(({ kind }) => kind === 'ConfigMap')!;
  const { metadata, spec } = manifests.find((one) => one.metadata.name === workload && one.spec?.template)!.spec!.template;
  const owner = spec.securityContext.fsGroup ?? spec.securityContext.runAsUser;
  const names = ['controller-api', 'controller-link', 'postgres', 'redis'];
  const document = {
    apiVersion: 'v1',
    kind: 'Pod',
    // An init container of the other kind is removed while it may still run.
    metadata: { ...metadata, name: pod.name, annotations: { 'io.podman.annotations.init.container.type': 'always' } },
    spec: {
      ...spec,
      hostAliases: [{ ip: services, hostnames: names }],
      // It has no Secrets, and no volume that belongs to a group.
      volumes: spec.volumes.map(({ name, secret }) => {
        const place = path.join(folder, pod.name, name);
        mkdirSync(place, { recursive: true, mode: 0o770 });
        if (secret) cpSync(path.join(folder, 'secrets', secret.secretName), place, { recursive: true });
        for (const one of ['.', ...readdirSync(place)]) chownSync(path.join(place, one), secret ? 0 : owner, owner);
        return { name, hostPath: { path: place, type: 'Directory' } };
      }),
      containers: spec.containers.map((container) => ({
        ...container,
        // It publishes every port on the host, and asks probes with curl and systemd, of which images have neither: the story asks them
        // itself.
        ports: [],
        startupProbe: undefined,
        readinessProbe: undefined,
        livenessProbe: undefined,
        lifecycle: undefined,
        // It does not know status.podIP.
        env: (container.env ?? []).map(({ name, value, valueFrom }) => ({ name, value: valueFrom ? pod.ip : value })),
      })),
    },
  };
  const target = path.join(folder, `${pod.name}.yaml`);
  const data = { ...shared.data, ...settings };
  writeFileSync(target, [{ ...shared, data }, document].map((one) => stringify(one)).join('---\n'));
  return target;
}

function read(file: string): Manifest[] {
  return parseAllDocuments(readFileSync(path.join(FOLDER, file), 'utf8')).map((one) => one.toJS() as Manifest);
}
