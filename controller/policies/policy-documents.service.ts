import { setImmediate } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { FleetError } from '../../proto/model/error-codes.ts';
import type { PolicyDocument } from '../../proto/model/policy/document.ts';
import { readPolicy } from '../../proto/model/policy/read.ts';
import type { WholePolicyRow } from './rows.ts';

/** Of the texts whose documents are remembered. */
const MAX_REMEMBERED = 16 * 1024 * 1024;

type Stored = Pick<WholePolicyRow, 'digest' | 'document' | 'name' | 'tenantId'>;

/** Documents of stored texts. A text of the maximum size takes a tenth of a second to read, so that what was read is remembered. */
@Injectable()
export class PolicyDocuments {
  private readonly remembered = new Map<string, { document: PolicyDocument; length: number }>();
  private length = 0;

  /** Throws INTERNAL for a text that this version cannot read. Lets others work before each text that it reads. */
  async of({ digest, document: text, name, tenantId }: Stored): Promise<PolicyDocument> {
    const known = this.remembered.get(digest);
    if (known) {
      // The newest are last.
      this.remembered.delete(digest);
      this.remembered.set(digest, known);
      return known.document;
    }
    await setImmediate();
    const read = readPolicy(text);
    if ('problems' in read) {
      const which = tenantId === null ? 'A policy of the installation' : `The policy ${name}`;
      throw new FleetError('INTERNAL', `${which} can no longer be read: correct and save it again.`);
    }
    this.remember(digest, read.document, text.length);
    return read.document;
  }

  private remember(digest: string, document: PolicyDocument, length: number): void {
    if (this.remembered.has(digest)) return;
    this.remembered.set(digest, { document, length });
    this.length += length;
    for (const [oldest, one] of this.remembered) {
      if (this.length <= MAX_REMEMBERED) return;
      this.remembered.delete(oldest);
      this.length -= one.length;
    }
  }
}
