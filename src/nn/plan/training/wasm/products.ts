import type { CallList, MapAt, VectorAt } from '../../../../simd/calls/list';
import * as calls from '../../../../simd/calls/products';
import type { Node } from '../../graph';
import type { PoolGeometry } from '../../operations';
import { storedChannels } from '../../steps';
import { Unplanned } from '../executor';
import type { Site } from './site';

/** What a call of two inputs at most reads and writes: maps, and the second input as a vector. */
interface Operands {
  x: MapAt;
  other: () => MapAt;
  v: () => VectorAt;
  /** Those of x that do not only pad, and of the other one. */
  channels: number;
  otherChannels: number;
  out: MapAt;
}

type Write = (list: CallList, operands: Operands) => void;

const vectorOf = ({ at, channels }: MapAt): VectorAt => ({ at, stride: 4 * channels });

/** Maps times vectors, sums of products, single numbers, pools. */
export const PRODUCTS = {
  dotVector: (list, { x, v, out }) => calls.channelDot(list, { x, v: v(), out }),
  outerVector: (list, { x, v, out }) => calls.product(list, { x, v: v(), channels: 1, out }),
  timesOnePlus: (list, { x, v, channels, out }) =>
    calls.product(list, { x, v: v(), offset: 1, channels, out }),
  pixelDot: (list, { x, other, otherChannels: channels, out }) =>
    calls.pixelDot(list, { a: x, b: other(), channels, out: vectorOf(out) }),
  total: (list, { x, channels, out }) => calls.total(list, { x, channels, out: out.at }),
  timesVector: (list, { x, v, channels, out }) => calls.product(list, { x, v: v(), channels, out }),
  timesChannels: (list, { x, v, channels, out }) =>
    calls.product(list, { x, v: { at: v().at, stride: 0 }, channels, out }),
  shift: (list, { x, v, out }) => calls.shiftAndCut(list, { x, place: v(), transposed: false, out }),
  shiftBack: (list, { x, v, out }) => calls.shiftAndCut(list, { x, place: v(), transposed: true, out }),
  maxPoolGradient: (list, { x, other, out }) => calls.maxPoolGradient(list, { x, dy: other(), out }),
  maxPoolTangent: (list, { x, other, out }) => calls.maxPoolTangent(list, { x, v: other(), out }),
} as const satisfies Record<string, Write>;

/** Writes a call that takes one or two values as they are, and gives one. */
export function writeProduct(site: Site, node: Node, write: Write): void {
  const [x, second] = node.inputs as [Node, Node | undefined];
  const [read, other] = [site.plain(x), second && site.plain(second)];
  const out = site.room(node);
  site.calls([...read.rooms, ...(other ? other.rooms : []), out], (list) =>
    write(list, {
      x: read.sources()[0]!,
      other: () => other!.sources()[0]!,
      v: () => ({ at: other!.rooms[0]!.at, stride: 4 * storedChannels(second!.shape.channels) }),
      channels: x.shape.channels,
      otherChannels: second?.shape.channels ?? 0,
      out: site.map(node),
    }),
  );
}

/** Every pixel's channels scaled to length 1, or the gradient of that, which has a second input. */
export function writeUnit(site: Site, node: Node, options: { eps: number; centred: boolean }): void {
  const { channels } = node.shape;
  if (options.centred && channels % 4 !== 0)
    throw new Unplanned('a norm of channels', `${channels} channels`);
  const back = node.inputs.length > 1;
  writeProduct(site, node, (list, { x, other, out }) =>
    calls.unit(list, { ...options, x, dy: back ? other() : undefined, out }),
  );
}

/** The largest of each window. */
export function writeMaxPool(site: Site, node: Node, geometry: PoolGeometry): void {
  writeProduct(site, node, (list, { x, out }) => calls.maxPool(list, { x, out, ...geometry }));
}

/** One number at every element. */
export function writeBroadcast(site: Site, node: Node): void {
  const number = site.room(node.inputs[0]!);
  const out = site.room(node);
  site.calls([number, out], (list) =>
    calls.broadcast(list, { source: number.at, channels: node.shape.channels, out: site.map(node) }),
  );
}
