/**
 * Watches the WANs of the network namespace that it runs in as the agent does, and prints them as JSON with each change. Ends with its
 * input.
 */
import { observeInterfaces } from '../../agent/wans/observe.ts';
import { WanMemory, type Wan } from '../../agent/wans/wans.ts';
import { RouteEvents } from '../../agent/wans/route-events.ts';
import { WanProbes } from '../../agent/wans/probes.ts';
import { WanWatch } from '../../agent/wans/watch.ts';
import { formatAddress } from '../../proto/model/address.ts';

const probes = new WanProbes(new Map(Object.entries(JSON.parse(process.argv[2] ?? '{}') as Record<string, string>)), process.pid);
const watch = new WanWatch({
  memory: new WanMemory(),
  observe: observeInterfaces,
  events: new RouteEvents(),
  probes,
  onError: (error) => {
    throw error;
  },
});
watch.onChange((wans) => say(wans));
watch.start();
process.stdin.resume().once('end', () => watch.close());

function say(wans: readonly Wan[]): void {
  console.log(JSON.stringify(wans.map((wan) => ({ ...wan, addresses: wan.addresses.map(formatAddress), why: probes.why }))));
}
