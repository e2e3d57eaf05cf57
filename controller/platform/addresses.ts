import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type Config } from './config.ts';

/** Where agents dial. What is configured wins; else the port that was really opened, on this machine. */
@Injectable()
export class Addresses {
  private readonly opened = new Map<'enrol' | 'link', number>();

  constructor(@Inject(CONFIG) private readonly config: Config) {}

  /** Notes the port that a listener got; it differs from the configured one where that is 0. */
  noteOpened(listener: 'enrol' | 'link', port: number): void {
    this.opened.set(listener, port);
  }

  /** host:port for agents. */
  of(listener: 'enrol' | 'link'): string {
    return this.config[listener].address ?? `127.0.0.1:${this.opened.get(listener) ?? this.config[listener].port}`;
  }

  /** The port that was opened; undefined if this process has no such listener. */
  port(listener: 'enrol' | 'link'): number | undefined {
    return this.opened.get(listener);
  }
}
