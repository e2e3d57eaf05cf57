/** Ways to end flows, as people and the API say them. */
export const METHOD_WORDS = ['delete', 'reset', 'block', 'expire'] as const;
export type MethodWord = (typeof METHOD_WORDS)[number];
