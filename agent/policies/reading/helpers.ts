import type { KernelHelper } from '../../../proto/model/policy/gateway-reading.ts';

/** Modules of the kernel's helpers by their names (net/netfilter/nf_conntrack_*.c); H.323 is one module with three of them. */
export const HELPER_MODULES: Readonly<Record<string, string>> = {
  ftp: 'nf_conntrack_ftp',
  sip: 'nf_conntrack_sip',
  tftp: 'nf_conntrack_tftp',
  pptp: 'nf_conntrack_pptp',
  irc: 'nf_conntrack_irc',
  amanda: 'nf_conntrack_amanda',
  'netbios-ns': 'nf_conntrack_netbios_ns',
  sane: 'nf_conntrack_sane',
  snmp: 'nf_conntrack_snmp',
  RAS: 'nf_conntrack_h323',
  'Q.931': 'nf_conntrack_h323',
};

/** What the gateway shows of its kernel's modules. Undefined: it does not show it. */
export interface ModuleFacts {
  /** /proc/modules */
  loaded: ReadonlySet<string> | undefined;
  /** /sys/module: loaded, or built in with parameters. */
  shown: ReadonlySet<string> | undefined;
  /** modules.builtin of this kernel. */
  builtIn: ReadonlySet<string> | undefined;
  /** modules.dep of this kernel, or the files where there is none. */
  loadable: ReadonlySet<string> | undefined;
  /** kernel.modules_disabled is 1: no module can be loaded until the next start. */
  isLocked: boolean;
  /** Where modules of this kernel would lie. */
  directory: string;
}

/** Which helpers the kernel has, and how that is known. `inUse`: helpers of which the rules hold objects, so that they are there. */
export function helpersOf(facts: ModuleFacts, inUse: ReadonlySet<string>): KernelHelper[] {
  return Object.entries(HELPER_MODULES).map(([name, module]) => ({ name, ...stateOf(module, facts, inUse.has(name)) }));
}

function stateOf(
  module: string,
  { loaded, shown, builtIn, loadable, isLocked, directory }: ModuleFacts,
  isInUse: boolean,
): Omit<KernelHelper, 'name'> {
  if (loaded?.has(module)) return { state: 'loaded', evidence: `${module} is in /proc/modules.` };
  if (builtIn?.has(module)) return { state: 'built-in', evidence: `${directory}/modules.builtin lists ${module}.` };
  if (shown?.has(module))
    return loaded
      ? { state: 'built-in', evidence: `${module} is in /sys/module, and not in /proc/modules.` }
      : { state: 'loaded', evidence: `${module} is in /sys/module; it is loaded or built in.` };
  if (isInUse) return { state: 'loaded', evidence: 'A rule of this gateway uses it.' };
  if (loadable?.has(module))
    return isLocked
      ? { state: 'missing', evidence: `${module} can no longer be loaded: kernel.modules_disabled is 1 until the next start.` }
      : { state: 'loadable', evidence: `${module} lies in ${directory}, and is not loaded.` };
  if (loadable && builtIn) return { state: 'missing', evidence: `${directory} has no ${module}, and it is not built in.` };
  if (loadable) return { state: 'unknown', evidence: `${directory} has no ${module}; whether it is built in is not shown.` };
  return { state: 'unknown', evidence: `${module} may be built in, or a module: ${directory} cannot be read here.` };
}
