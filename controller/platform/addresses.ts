import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type Config } from './config.ts';

/** Where agents connect. A configured address wins; otherwise it is the port that was actually opened, on this machine. */
@Injectable()
export class Addresses {
  private readonly opened = new Map<'enrol' | 'link', number>();

  constructor(@Inject(CONFIG) private readonly config: Config) {}

  /** Records the actual port of a listener; it differs from the configured one if that is 0. */
  noteOpened(listener: 'enrol' | 'link', port: number): void {
    this.opened.set(listener, port);
  }

  /** host:port for agents. */
  of(listener: 'enrol' | 'link'): string {
    return this.config[listener].address ?? `127.0.0.1:${this.opened.get(listener) ?? this.config[listener].port}`;
  }

  /** The opened port; undefined if this process has no such listener. */
  port(listener: 'enrol' | 'link'): number | undefined {
    return this.opened.get(listener);
  }
}
