import { setImmediate } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import type { PolicyDocument } from '../../proto/model/policy/document.ts';
import { effectivePolicy, type PolicyLayer } from '../../proto/model/policy/effective.ts';
import { valuesDigest } from '../policies/in-force.ts';
import { layersOn, type AttachedPolicy } from '../policies/layers.ts';
import type { Place } from '../policies/targets.ts';

/** More sets of policies than a fleet has; each takes some milliseconds to compute. */
const MAX_REMEMBERED = 5000;

/**
 * What all policies come to on gateways, as a digest over values alone: two gateways with the same values have the same, whatever their
 * policies are called. Computed once for each set of policies, of which a fleet has few, and remembered until one of them changes.
 */
@Injectable()
export class WantedDigests {
  private readonly known = new Map<string, string>();
  /** Documents are the same objects for as long as their texts are the same. */
  private readonly numbers = new WeakMap<PolicyDocument, number>();
  private last = 0;

  /** Of each place in their order; undefined where no policy reaches. Lets others work before each set that it computes. */
  async on(policies: readonly AttachedPolicy[], places: readonly Place[]): Promise<(string | undefined)[]> {
    const digests: (string | undefined)[] = [];
    for (const place of places) {
      const layers = layersOn(policies, place);
      digests.push(layers.length === 0 ? undefined : await this.of(layers));
    }
    return digests;
  }

  private async of(layers: readonly PolicyLayer[]): Promise<string> {
    const key = layers.map(({ policyId, level, of = '', document }) => `${policyId} ${level} ${this.numberOf(document)} ${of}`).join('\n');
    const known = this.known.get(key);
    if (known !== undefined) return known;
    await setImmediate();
    const digest = valuesDigest(effectivePolicy(layers));
    this.known.set(key, digest);
    if (this.known.size > MAX_REMEMBERED) this.known.delete(this.known.keys().next().value!);
    return digest;
  }

  private numberOf(document: PolicyDocument): number {
    const number = this.numbers.get(document) ?? ++this.last;
    this.numbers.set(document, number);
    return number;
  }
}
