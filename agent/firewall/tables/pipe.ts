import { closeSync } from 'node:fs';
import { Socket } from 'node:net';
import koffi from 'koffi';

const pipe2 = koffi.load(null).func('int pipe2(_Out_ int *, int)');
const O_CLOEXEC = 0o2000000;

/** A pipe of the kernel, where Node gives programs a socket: whoever opens its standard input by name can read it. */
export interface InputPipe {
  /** For the program; to be closed here once that runs. */
  readFd: number;
  closeReadEnd(): void;
  /** Writes all of it and closes; a reader that ends before is not told of here. */
  end(text: string): void;
}

export function openPipe(): InputPipe {
  const fds = [0, 0];
  if (pipe2(fds, O_CLOEXEC) !== 0) throw new Error(`no pipe could be opened: errno ${koffi.errno()}`);
  const [readFd, writeFd] = fds as [number, number];
  return {
    readFd,
    closeReadEnd: () => closeSync(readFd),
    end: (text) => void new Socket({ fd: writeFd, readable: false, writable: true }).on('error', () => undefined).end(text),
  };
}
