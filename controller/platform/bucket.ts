/** Fills over time up to `burst`, at `perSecond`. */
export interface Rate {
  perSecond: number;
  burst: number;
}

/** A token bucket. Time is the caller's, in milliseconds. */
export class Bucket {
  private left: number;
  private atMs = -Infinity;

  constructor(private readonly rate: Rate) {
    this.left = rate.burst;
  }

  /** Takes the amount and returns after how many milliseconds it is paid for; 0 if it was available. */
  take(amount: number, nowMs: number): number {
    this.left = this.filled(nowMs) - amount;
    this.atMs = Math.max(this.atMs, nowMs);
    return this.left >= 0 ? 0 : Math.ceil((-this.left / this.rate.perSecond) * 1000);
  }

  /**
   * Takes the amount if it is available. A refusal costs nothing, so that an excessive caller is admitted at the rate instead of being shut
   * out.
   */
  takeIfThere(amount: number, nowMs: number): boolean {
    if (this.filled(nowMs) < amount) return false;
    this.take(amount, nowMs);
    return true;
  }

  /** Returns what was taken for nothing. */
  giveBack(amount: number, nowMs: number): void {
    this.take(-amount, nowMs);
  }

  /** Whether it equals a bucket that was never used. */
  isFull(nowMs: number): boolean {
    return this.filled(nowMs) >= this.rate.burst;
  }

  private filled(nowMs: number): number {
    return Math.min(this.rate.burst, this.left + (Math.max(0, nowMs - this.atMs) / 1000) * this.rate.perSecond);
  }
}
