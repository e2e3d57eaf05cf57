/** How much: of one item, of one run, or of everything held. */
export interface Amount {
  samples: number;
  bytes: number;
}

interface Outside {
  amount: Amount;
  enter: () => void;
}

/** What may be held at once, in samples and bytes. Who finds it full waits outside, first come first served. */
export class Room {
  readonly held: Amount = { samples: 0, bytes: 0 };
  /** The most that was held so far. */
  readonly peak: Amount = { samples: 0, bytes: 0 };
  private readonly outside: Outside[] = [];

  constructor(private readonly most: Amount) {}

  /** Resolves once the amount fits and is held. What is larger than everything allowed is held alone. */
  async enter(amount: Amount): Promise<void> {
    if (this.outside.length === 0 && this.fits(amount)) return this.hold(amount);
    return new Promise((enter) => {
      this.outside.push({ amount, enter });
    });
  }

  leave({ samples, bytes }: Amount): void {
    this.held.samples -= samples;
    this.held.bytes -= bytes;
    for (let first = this.outside[0]; first && this.fits(first.amount); first = this.outside[0]) {
      this.outside.shift();
      this.hold(first.amount);
      first.enter();
    }
  }

  private fits({ samples, bytes }: Amount): boolean {
    const { held, most } = this;
    return (held.samples === 0 && held.bytes === 0) || (held.samples + samples <= most.samples && held.bytes + bytes <= most.bytes);
  }

  private hold({ samples, bytes }: Amount): void {
    const { held, peak } = this;
    held.samples += samples;
    held.bytes += bytes;
    peak.samples = Math.max(peak.samples, held.samples);
    peak.bytes = Math.max(peak.bytes, held.bytes);
  }
}
