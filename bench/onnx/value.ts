/** A value of the graph: activations [N, C, H, W], vectors [N, C]. */
export interface Value {
  name: string;
  shape: readonly number[];
}
