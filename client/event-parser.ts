/** One server-sent event. */
export interface ServerEvent {
  id?: string;
  data: string;
}

/** The events of a stream, as they come; it ends with the stream. */
export async function* readEvents(body: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<ServerEvent, undefined> {
  const parse = createEventParser();
  for await (const chunk of body.pipeThrough(new TextDecoderStream())) yield* parse(chunk);
}

/**
 * Splits a text stream into server-sent events (WHATWG HTML, 9.2.6): the fields `id` and `data`; comments and `retry` are ignored. Feed it
 * chunks in order; it buffers what is not yet complete.
 */
export function createEventParser(): (chunk: string) => ServerEvent[] {
  let rest = '';
  let data: string[] = [];
  let id: string | undefined;
  return (chunk) => {
    const lines = (rest + chunk).split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop() ?? '';
    const events: ServerEvent[] = [];
    for (const line of lines) {
      if (line === '') {
        if (data.length > 0) events.push({ id, data: data.join('\n') });
        data = [];
        continue;
      }
      const colon = line.indexOf(':');
      const field = colon < 0 ? line : line.slice(0, colon);
      const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
      if (field === 'data') data.push(value);
      if (field === 'id') id = value;
    }
    return events;
  };
}
