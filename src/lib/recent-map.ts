/**
 * A map of what was used last: entries are given up, the least recently used first, where they would take more than
 * `budget` together. `sizeOf` says how much one takes, by default 1, so that the budget is a number of entries. The
 * newest entry always stays, however large it is.
 */
export class RecentMap<K, V> {
  private readonly entries = new Map<K, V>();
  private used = 0;

  constructor(
    private readonly budget: number,
    private readonly sizeOf: (value: V) => number = () => 1,
  ) {}

  get(key: K): V | undefined {
    const value = this.entries.get(key);
    if (value === undefined) return undefined;
    this.entries.delete(key);
    this.entries.set(key, value); // most recent last
    return value;
  }

  set(key: K, value: V): void {
    this.delete(key);
    this.entries.set(key, value);
    this.used += this.sizeOf(value);
    for (const oldest of this.entries.keys()) {
      if (this.used <= this.budget || oldest === key) return;
      this.delete(oldest);
    }
  }

  delete(key: K): void {
    const value = this.entries.get(key);
    if (value === undefined) return;
    this.entries.delete(key);
    this.used -= this.sizeOf(value);
  }

  get size(): number {
    return this.entries.size;
  }
}
