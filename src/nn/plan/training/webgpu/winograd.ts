import { linearGrid } from '../../../../gpu/kernels/grid';
import { unitSize } from '../../../../gpu/kernels/kernel';
import { winogradInput } from '../../../../gpu/kernels/winograd';
import { winogradFilters } from '../../../../gpu/kernels/winograd-filters';
import type { Node } from '../../graph';
import type { ConvGeometry } from '../../operations';
import { storedChannels } from '../../steps';
import type { View } from './program';
import type { Site } from './site';

/** Bytes that transformed filters may take which last: those of the largest maps come first. */
const MOST_BYTES = 2 ** 28;
/** Fewer channels than this gain nothing. */
const FEWEST_CHANNELS = 8;

/** Patches of a map, transformed: 16 matrices of `tiles` rows. */
export interface Patches {
  view: View;
  tiles: number;
}

/**
 * 3x3 convolutions of a step as Winograd F(2x2, 3x3), and their transposes, which are convolutions with the filter turned around,
 * where the adapter gains by it. A frozen filter is transformed when it is written, one that trains in every step.
 */
export class Winograd {
  /** Transformed frozen filters of this step, by `keyOf`. */
  readonly filters = new Map<string, View>();
  private readonly chosen = new Set<Node>();
  /** By weight and form; a convolution that is recomputed has its own, else the form would be held from the forward pass on. */
  private readonly transformed = new Map<Node, Map<string, View>>();

  constructor(private readonly site: Site) {
    const { folding, options, state } = site;
    if (!options.traits.winograd) return;
    let bytes = [...state.filters.values()].reduce((sum, view) => sum + view.bytes, 0);
    const found = folding.needed.filter((node) => this.possible(node));
    const known = new Set(state.filters.keys());
    for (const node of found.sort((a, b) => b.shape.height - a.shape.height)) {
      const key = keyOf(node.inputs[1]!, isTurned(node));
      const own = key !== null && this.frozen(node.inputs[1]!) && !known.has(key) ? filterBytes(node) : 0;
      if (bytes + own > MOST_BYTES) continue;
      if (key !== null) known.add(key);
      bytes += own;
      this.chosen.add(node);
    }
  }

  takes(root: Node): boolean {
    return this.chosen.has(root);
  }

  /** The filter that a convolution, or its transpose, multiplies its patches with: [16, channels read, channels written]. */
  filter(root: Node): View {
    const weight = root.inputs[1]!;
    const turned = isTurned(root);
    const known = this.transformed.get(weight) ?? new Map<string, View>();
    this.transformed.set(weight, known);
    const form = `${turned} ${this.site.twins.has(root) && !this.frozen(weight)}`;
    let view = known.get(form);
    if (!view) {
      view = this.transform(root, weight, turned);
      known.set(form, view);
    }
    return view;
  }

  /** What a convolution, or its transpose, reads, patch by patch. */
  patches(root: Node): Patches {
    const { site } = this;
    const { pad } = root.operation as ConvGeometry;
    const [x] = root.inputs as [Node];
    const { unit } = site.options.traits;
    const channels = storedChannels(x.shape.channels) / unitSize(unit);
    const [tilesX, tilesY] = [Math.ceil(root.shape.width / 2), Math.ceil(root.shape.height / 2)];
    const tiles = tilesOf(site, root);
    const view = site.program.value(patchBytes(site, root) / 4);
    site.emit({
      kernel: winogradInput({ affine: false, silu: false }, unit),
      operands: [site.view(x), view],
      uniforms: {
        total: tiles * channels,
        channels,
        channelOffset: 0,
        outChannels: channels,
        height: x.shape.height,
        width: x.shape.width,
        pad: isTurned(root) ? 2 - pad : pad,
        tilesX,
        tilesY,
        tiles,
        affineChannels: channels,
      },
      grid: linearGrid(Math.ceil((tiles * channels) / 64)),
    });
    return { view, tiles };
  }

  private possible(node: Node): boolean {
    const { operation: o, inputs, shape } = node;
    if (o.op !== 'conv2d' && o.op !== 'convTransposed') return false;
    if (o.kernel !== 3 || o.stride !== 1 || o.depthwise || o.pad > 2) return false;
    if (o.across && (o.across.kernel !== 3 || o.across.pad !== o.pad)) return false;
    const fewest = Math.min(inputs[0]!.shape.channels, shape.channels);
    return fewest >= FEWEST_CHANNELS && patchBytes(this.site, node) <= this.site.options.maxBinding;
  }

  private frozen({ operation: o }: Node): boolean {
    return o.op === 'parameter' && !this.site.moving.has(o.name);
  }

  private transform(root: Node, weight: Node, turned: boolean): View {
    const { site } = this;
    const key = this.frozen(weight) ? keyOf(weight, turned) : null;
    const before = key === null ? undefined : site.state.filters.get(key);
    if (before) return before;
    const [rows, columns] = [
      storedChannels(root.inputs[0]!.shape.channels),
      storedChannels(root.shape.channels),
    ];
    const view = site.program.value(16 * rows * columns, key !== null);
    const call = {
      kernel: winogradFilters(turned),
      operands: [site.view(weight), view],
      uniforms: { columns, outputs: turned ? rows : columns },
    };
    if (key === null) site.elements(call, rows * columns);
    else {
      site.setup(call, rows * columns);
      this.filters.set(key, view);
    }
    return view;
  }
}

const isTurned = ({ operation }: Node): boolean => operation.op === 'convTransposed';

const keyOf = ({ operation: o }: Node, turned: boolean): string | null =>
  o.op === 'parameter' ? `${turned ? 'turned' : 'plain'} ${o.name}` : null;

const tilesOf = ({ batch }: Site, { shape }: Node): number =>
  batch * Math.ceil(shape.width / 2) * Math.ceil(shape.height / 2);

const patchBytes = (site: Site, root: Node): number =>
  4 * 16 * tilesOf(site, root) * storedChannels(root.inputs[0]!.shape.channels);

const filterBytes = ({ inputs, shape }: Node): number =>
  4 * 16 * storedChannels(inputs[0]!.shape.channels) * storedChannels(shape.channels);
