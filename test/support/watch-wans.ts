/** Watches the WANs of the network namespace that it runs in as the agent does, and prints them as JSON with each change. Ends with its input. */
import { observeInterfaces } from '../../agent/collectors/wan-observation.ts';
import { WanMemory, type Wan } from '../../agent/collectors/wans.ts';
import { RouteEvents } from '../../agent/remediations/route-events.ts';
import { WanProbes } from '../../agent/remediations/wan-probes.ts';
import { WanWatch } from '../../agent/remediations/wan-watch.ts';
import { formatAddress } from '../../proto/model/address.ts';

const probes = new WanProbes(new Map(Object.entries(JSON.parse(process.argv[2] ?? '{}') as Record<string, string>)), process.pid);
const watch = new WanWatch({
  memory: new WanMemory(), observe: observeInterfaces, events: new RouteEvents(), probes,
  onError: (error) => { throw error; },
});
watch.onChange((wans) => say(wans));
watch.start();
process.stdin.resume().once('end', () => watch.close());

function say(wans: readonly Wan[]): void {
  console.log(JSON.stringify(wans.map((wan) => ({ ...wan, addresses: wan.addresses.map(formatAddress), why: probes.why }))));
}
