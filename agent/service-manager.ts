import { closeSync } from 'node:fs';
import koffi from 'koffi';

const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0x80000;
const MSG_NOSIGNAL = 0x4000;
/** sun_path of unix(7). */
const MAX_PATH_BYTES = 107;
/** What may pass between two turns beyond the announced time: a walk of a large table on a busy gateway. */
const GRACE_MS = 120_000;

/** Whether the agent's loop still turns: fed to systemd's watchdog, which kills and starts an agent that does not. */
export class Heartbeat {
  readonly #monotonicMs: () => number;
  #dueMs = Number.POSITIVE_INFINITY;

  constructor(monotonicMs: () => number) {
    this.#monotonicMs = monotonicMs;
  }

  /** The loop has turned, and will again after this long. */
  turned(nextMs: number): void {
    this.#dueMs = this.#monotonicMs() + nextMs + GRACE_MS;
  }

  /** True also before the first turn: an agent may wait for a person to approve it. */
  get isAlive(): boolean {
    return this.#monotonicMs() <= this.#dueMs;
  }
}

/** Milliseconds between two messages to a watchdog, a third of its patience; undefined where there is none for this process. */
export function feedingMs({ WATCHDOG_USEC: usec = '', WATCHDOG_PID: pid }: NodeJS.ProcessEnv, ownPid: number): number | undefined {
  if (!/^[1-9]\d{0,15}$/.test(usec) || (pid !== undefined && pid !== String(ownPid))) return undefined;
  return Math.max(1, Math.floor(Number(usec) / 3000));
}

/** The address of a datagram socket as sockaddr_un: a path, or an abstract name that begins with `@`. Undefined for anything else. */
export function socketAddress(name: string | undefined): Buffer | undefined {
  if (name === undefined || !/^[/@]./.test(name) || Buffer.byteLength(name) > MAX_PATH_BYTES) return undefined;
  const text = Buffer.from(name);
  if (name.startsWith('@')) text[0] = 0;
  const family = Buffer.from(new Uint16Array([AF_UNIX]).buffer);
  return Buffer.concat(name.startsWith('@') ? [family, text] : [family, text, Buffer.alloc(1)]);
}

/** Tells the service manager that started us, if one did (sd_notify(3)). Returns whether it was told. */
export function tellServiceManager(message: string, name = process.env.NOTIFY_SOCKET): boolean {
  const address = socketAddress(name);
  if (!address) return false;
  const libc = koffi.load(null);
  const fd = libc.func('int socket(int, int, int)')(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0) as number;
  if (fd < 0) return false;
  try {
    const text = Buffer.from(message);
    const sendto = libc.func('long sendto(int, const void *, size_t, int, const void *, unsigned int)');
    return Number(sendto(fd, text, text.length, MSG_NOSIGNAL, address, address.length)) === text.length;
  } finally {
    closeSync(fd);
  }
}

/** Feeds the watchdog while the heart beats, until the signal aborts. Does nothing without a watchdog. */
export function feedWatchdog(heartbeat: Pick<Heartbeat, 'isAlive'>, signal: AbortSignal): void {
  const everyMs = feedingMs(process.env, process.pid);
  if (everyMs === undefined) return;
  const timer = setInterval(() => heartbeat.isAlive && tellServiceManager('WATCHDOG=1'), everyMs).unref();
  signal.addEventListener('abort', () => clearInterval(timer), { once: true });
}
