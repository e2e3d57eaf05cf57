import { z } from 'zod';

/** What was found of our table of blocks. `shape`: what is the same of it until somebody else changes it. */
export interface FoundBlocks {
  shape: string;
  blocks: Map<string, FoundBlock>;
}

/** One block of it by its token. `leftSeconds`: 0 where the kernel has forgotten it; elements only where they were asked for. */
export interface FoundBlock {
  leftSeconds: number;
  packets: bigint;
  bytes: bigint;
  flows4: string[];
  flows6: string[];
}

/** nft counts in JSON numbers. */
const counted = z.number().transform((value) => BigInt(Math.max(0, Math.trunc(value))));
const listing = z.object({
  nftables: z.array(
    z.object({
      counter: z.object({ name: z.string(), packets: counted, bytes: counted }).optional(),
      set: z.object({ name: z.string(), elem: z.array(z.unknown()).optional() }).optional(),
      chain: z.object({ name: z.string() }).optional(),
      rule: z.object({ chain: z.string() }).optional(),
    }),
  ),
});
const timed = z.object({ elem: z.object({ expires: z.number() }) });
const packet = z.object({ concat: z.array(z.union([z.number(), z.string()])) });
/** Numbers and addresses: nothing else is ever given back to nft. */
const PART = /^[0-9a-f.:]+$/;

/** Reads what `nft -j -n list table` says. Throws ZodError or SyntaxError for what is no listing. */
export function readBlocks(json: string): FoundBlocks {
  const { nftables } = listing.parse(JSON.parse(json));
  const blocks = new Map<string, FoundBlock>();
  const of = (token: string): FoundBlock => {
    const found = blocks.get(token) ?? { leftSeconds: 0, packets: 0n, bytes: 0n, flows4: [], flows6: [] };
    blocks.set(token, found);
    return found;
  };
  for (const { counter, set } of nftables) {
    const [, token] = /^refused_(\w+)$/.exec(counter?.name ?? '') ?? [];
    if (token !== undefined) Object.assign(of(token), { packets: counter!.packets, bytes: counter!.bytes });
    const [, kind, owner] = /^(live|flows4|flows6)_(\w+)$/.exec(set?.name ?? '') ?? [];
    if (owner === undefined) continue;
    if (kind === 'live')
      of(owner).leftSeconds = Math.max(
        0,
        ...(set!.elem ?? []).flatMap((one) => {
          const { data } = timed.safeParse(one);
          return data ? [data.elem.expires] : [];
        }),
      );
    else of(owner)[kind as 'flows4' | 'flows6'] = (set!.elem ?? []).flatMap(readPacket);
  }
  const rules = nftables.flatMap(({ rule }) => (rule ? [rule.chain] : []));
  const chains = nftables.flatMap(({ chain }) => (chain ? [chain.name] : [])).toSorted();
  return { shape: chains.map((chain) => `${chain} ${rules.filter((name) => name === chain).length}`).join('; '), blocks };
}

function readPacket(found: unknown): string[] {
  const { data } = packet.safeParse(found);
  const parts = data?.concat.map(String) ?? [];
  return parts.length === 5 && parts.every((part) => PART.test(part)) ? [parts.join(' . ')] : [];
}
