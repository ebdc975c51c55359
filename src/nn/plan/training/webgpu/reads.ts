import type { Expression, ExpressionCounts } from '../../../../gpu/kernels/expression';
import type { View } from './program';

/** What an expression in the making reads, each once, and its numbers. */
export class Reads {
  readonly views: View[] = [];
  readonly uniforms: Record<string, number> = {};
  counts: ExpressionCounts = { reads: 0, constants: 0, joins: 0 };
  private readonly known = new Map<string, Expression>();

  read(
    kind: 'map' | 'vector' | 'channel' | 'pixel' | 'place' | 'number',
    view: View,
    stride = 0,
    offset = 0,
  ): Expression {
    const key = `${kind} ${this.views.indexOf(view)} ${stride} ${offset}`;
    const before = this.views.includes(view) ? this.known.get(key) : undefined;
    if (before) return before;
    const of = this.views.length;
    this.views.push(view);
    this.uniforms[`stride${of}`] = stride;
    this.uniforms[`offset${of}`] = offset;
    this.counts = { ...this.counts, reads: of + 1 };
    const read: Expression = { read: kind, of };
    this.known.set(`${kind} ${this.views.indexOf(view)} ${stride} ${offset}`, read);
    return read;
  }

  constant(value: number): number {
    const at = this.counts.constants;
    this.uniforms[`c${at}F`] = value;
    this.counts = { ...this.counts, constants: at + 1 };
    return at;
  }

  join(channels: number): number {
    const at = this.counts.joins;
    this.uniforms[`join${at}`] = channels;
    this.counts = { ...this.counts, joins: at + 1 };
    return at;
  }
}
