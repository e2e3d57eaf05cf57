/** Which rule of the policy a rule of nft is for: its place and its name. `isReply`: it is about the packets of the other direction. */
export interface RuleComment {
  index: number;
  name: string;
  isReply?: boolean;
}

/** As it stands beside the rule of nft: `3 guests`, or `3< guests` for the replies. The name is never more than a comment. */
export function formatComment({ index, name, isReply }: RuleComment): string {
  return `${index}${isReply ? '<' : ''} ${name}`;
}

/** Undefined for a comment that is not ours. Pairs with `formatComment`. */
export function parseComment(comment: string): RuleComment | undefined {
  const [, index, reply, name] = /^(\d{1,4})(<?) (.+)$/s.exec(comment) ?? [];
  return name === undefined ? undefined : { index: Number(index), name, ...(reply === '<' && { isReply: true }) };
}
