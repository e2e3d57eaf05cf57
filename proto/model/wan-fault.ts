/** In words that go after a WAN's name. */
export type WanFault = 'down' | 'not answering';

/** What is wrong with a WAN: its link, or that nothing beyond it answers a probe. Undefined where it works or nothing is known. */
export function wanFault({ isUp, isAnswering }: { isUp?: boolean; isAnswering?: boolean }): WanFault | undefined {
  if (isUp === false) return 'down';
  return isAnswering === false ? 'not answering' : undefined;
}
