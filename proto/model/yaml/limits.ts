/** What bounds the text of any document. */
export const MAX_DOCUMENT_BYTES = 256 * 1024;
/** Deeper than any document; and more entries than any list or map of one. */
export const MAX_DEPTH = 16;
export const MAX_ENTRIES = 1000;
/** A text with more is not read further. */
export const MAX_PROBLEMS = 100;
