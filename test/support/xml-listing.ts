import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseConntrackXml, type XmlFlow } from './conntrack-xml.ts';
import type { Namespace } from './namespace.ts';

/**
 * The conntrack program's own listing of a namespace's table. The program prints only labels that /etc names; an overlay in the mounts of
 * `ip netns exec` calls bit 7 `bit7` without touching the machine's /etc.
 */
export class XmlListing {
  readonly #namespace: Namespace;
  readonly #labelFiles = mkdtempSync(join(tmpdir(), 'ctfleet-labels-'));

  constructor(namespace: Namespace) {
    this.#namespace = namespace;
    mkdirSync(join(this.#labelFiles, 'xtables'));
    writeFileSync(join(this.#labelFiles, 'xtables/connlabel.conf'), Array.from({ length: 128 }, (_, bit) => `${bit} bit${bit}\n`).join(''));
  }

  /** @param options additional options for the program, such as `-u EXPECTED` */
  read(options = ''): XmlFlow[] {
    const xml = this.#namespace.run(
      'sh',
      '-c',
      `mount -t overlay overlay -o lowerdir=${this.#labelFiles}:/etc /etc && conntrack -L ${options} -o xml,id,ktimestamp,labels`,
    );
    return xml.trim() === '' ? [] : parseConntrackXml(xml);
  }

  remove(): void {
    rmSync(this.#labelFiles, { recursive: true });
  }
}
