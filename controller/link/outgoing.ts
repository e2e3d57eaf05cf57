/** What a session may buffer for a slow agent; grpc-js itself buffers any amount. */
export const MAX_MESSAGES = 1000;
export const MAX_BYTES = 4 * 1024 * 1024;

/**
 * Messages that wait for an agent's stream, in order. Nothing is dropped silently: past a limit `push` returns false and the session is
 * closed; whatever matters is in Postgres and is sent again on the next session.
 */
export class Outgoing<Message> {
  private readonly waiting: { message: Message; bytes: number; replaces?: string }[] = [];
  private bytes = 0;

  constructor(private readonly sizeOf: (message: Message) => number) {}

  /** False if it does not fit. A message with `replaces` replaces a waiting one with the same key: only the newest of its kind matters. */
  push(message: Message, replaces?: string): boolean {
    const bytes = this.sizeOf(message);
    const older = replaces === undefined ? undefined : this.waiting.find((item) => item.replaces === replaces);
    if (older) {
      this.bytes += bytes - older.bytes;
      Object.assign(older, { message, bytes });
    } else {
      this.waiting.push({ message, bytes, replaces });
      this.bytes += bytes;
    }
    return this.waiting.length <= MAX_MESSAGES && this.bytes <= MAX_BYTES;
  }

  shift(): Message | undefined {
    const item = this.waiting.shift();
    if (item) this.bytes -= item.bytes;
    return item?.message;
  }
}
