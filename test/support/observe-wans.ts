/** Prints what the agent sees of the WANs of the network namespace that it runs in, as JSON. */
import { observeInterfaces } from '../../agent/wans/observe.ts';
import { WanMemory } from '../../agent/wans/wans.ts';
import { formatAddress } from '../../proto/model/address.ts';

const wans = new WanMemory(new Map([['wan2', 'backup']])).observe(observeInterfaces());
console.log(JSON.stringify(wans.map((wan) => ({ ...wan, addresses: wan.addresses.map(formatAddress) }))));
