/** Ways to end flows, as named by people and the API. */
export const METHOD_WORDS = ['delete', 'reset', 'block', 'expire'] as const;
export type MethodWord = (typeof METHOD_WORDS)[number];
