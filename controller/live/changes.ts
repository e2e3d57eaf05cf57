/** The ids of one kind that changed and are still to be told. */
export class Changes {
  private readonly ids = new Set<string>();
  private isTelling = false;

  constructor(private readonly send: (ids: string[]) => Promise<void>) {}

  note(id: string): void {
    this.ids.add(id);
  }

  /** Never rejects: what could not be read is told with the next. One at a time, so that nothing old is sent after something newer. */
  async tell(): Promise<void> {
    if (this.isTelling || this.ids.size === 0) return;
    this.isTelling = true;
    const ids = [...this.ids];
    this.ids.clear();
    await this.send(ids).catch(() => ids.forEach((id) => this.ids.add(id)));
    this.isTelling = false;
  }
}
