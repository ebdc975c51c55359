/** The k smallest values of each row with where they were met, kept in order. */
export class Smallest {
  readonly values: Float64Array;
  readonly places: Int32Array;

  constructor(
    rows: number,
    readonly k: number,
  ) {
    this.values = new Float64Array(rows * k).fill(Number.POSITIVE_INFINITY);
    this.places = new Int32Array(rows * k).fill(-1);
  }

  offer(row: number, value: number, place: number): void {
    const { values, places, k } = this;
    const first = row * k;
    let at = first + k - 1;
    if (value >= values[at]!) return;
    for (; at > first && value < values[at - 1]!; at--) {
      values[at] = values[at - 1]!;
      places[at] = places[at - 1]!;
    }
    values[at] = value;
    places[at] = place;
  }

  /** The k-th smallest of a row. */
  last(row: number): number {
    return this.values[(row + 1) * this.k - 1]!;
  }
}
