import type { MapAt, VectorAt } from '../../../../simd/calls/list';
import { pointwise, slice } from '../../../../simd/calls/maps';
import { norm, normGradient, partialValues } from '../../../../simd/calls/norm';
import { batchNormCurvature, normTangent } from '../../../../simd/calls/norm-second';
import type { Node } from '../../graph';
import { storedChannels } from '../../steps';
import { Unplanned } from '../executor';
import { type Normed, type NormGradientPlan, type NormOf, normOf } from '../folding';
import type { Reading, Site } from './site';
import type { Room } from './works';

/** What a norm has found: factor and offset of every channel, and mean and inverse deviation, for the way back. */
interface Found {
  source: Reading;
  affine: Room;
  statistics: Room;
}

/** Group and batch norms: the statistics where the norm is recorded, the values where they are read. */
export class Norms {
  private readonly found = new Map<Node, Found>();

  constructor(private readonly site: Site) {}

  /** Reads silu?(modulate?(norm)) as its source through a prologue. */
  read(node: Node): Reading | null {
    const normed = this.site.folding.normed(node);
    if (!normed) return null;
    const { source, affine } = this.statistics(normed);
    return {
      rooms: [...source.rooms, affine],
      sources: source.sources,
      prologue: () => ({ affine: affine.at, silu: normed.silu }),
    };
  }

  /** A batch norm as a map: its one set of statistics is of no image. */
  writeBatchNorm(node: Node): void {
    const { site } = this;
    const { source, affine } = this.statistics({ norm: node, modulate: null, silu: false });
    const out = site.room(node);
    site.calls([...source.rooms, affine, out], (list) =>
      pointwise(list, {
        sources: source.sources().map(asOneImage),
        prologue: { affine: affine.at },
        out: asOneImage(site.map(node)),
      }),
    );
  }

  /** All gradients that a norm and what follows it have. */
  writeGradients(plan: NormGradientPlan): void {
    const { site } = this;
    const { norm: node, modulate, silu, dx } = plan;
    const { operation: o, inputs } = node;
    if (o.op !== 'groupNorm') throw new Unplanned(o.op, 'no norm');
    const { source, affine, statistics } = this.statistics(plan);
    const [weight, bias] = [site.room(inputs[1]!), site.room(inputs[2]!)];
    const { channels } = node.shape;
    const perChannel = (images: number) => site.works.room(images * 2 * channels);
    const images = o.over === 'batch' ? 1 : site.batch;
    const [sums, coefficients] = [perChannel(images), perChannel(images)];
    const partials = site.works.room(partialValues(this.maps(source, o.over)));
    const dy = this.changeable(plan.dy);
    const gradientRoom = (wanted: Node | null) => (wanted ? site.room(wanted) : site.works.room(channels));
    const parameters =
      plan.weight || plan.bias ? { weight: gradientRoom(plan.weight), bias: gradientRoom(plan.bias) } : null;
    const vector = plan.vector && site.room(plan.vector);
    const out = dx ? site.room(dx) : site.works.room(site.values(inputs[0]!));
    const modulateRoom = modulate && site.room(modulate);
    const rooms = [...source.rooms, affine, statistics, weight, bias, sums, coefficients, partials, dy, out];
    if (parameters) rooms.push(parameters.weight, parameters.bias);
    if (vector) rooms.push(vector);
    if (modulateRoom) rooms.push(modulateRoom);
    site.calls(rooms, (list) =>
      normGradient(list, {
        sources: this.maps(source, o.over),
        groups: o.groups,
        weight: weight.at,
        bias: bias.at,
        modulate: vectorAt(modulate, modulateRoom),
        dy: dy.at,
        silu,
        affine: affine.at,
        statistics: statistics.at,
        partials: partials.at,
        sums: sums.at,
        coefficients: coefficients.at,
        modulateGradient: vectorAt(plan.vector, vector),
        parameters: parameters && {
          weight: parameters.weight.at,
          bias: parameters.bias.at,
          accumulate: false,
        },
        outs: [out.at],
      }),
    );
  }

  writeTangent(node: Node): void {
    const { site } = this;
    const { operation: o } = node;
    if (o.op !== 'normTangent') throw new Unplanned(o.op, 'no tangent of a norm');
    const { source, statistics } = this.forward(node, o);
    const v = site.plain(node.inputs[1]!);
    const [map] = this.maps(source, o.over) as [MapAt];
    const perChannel = () => site.works.room(map.images * 2 * map.channels);
    const [partials, sums, coefficients] = [
      site.works.room(partialValues([map])),
      perChannel(),
      perChannel(),
    ];
    const out = site.room(node);
    site.calls([...source.rooms, statistics, ...v.rooms, partials, sums, coefficients, out], (list) =>
      normTangent(list, {
        source: this.maps(source, o.over)[0]!,
        groups: o.groups,
        statistics: statistics.at,
        v: v.rooms[0]!.at,
        partials: partials.at,
        sums: sums.at,
        coefficients: coefficients.at,
        out: out.at,
      }),
    );
  }

  writeBatchCurvature(node: Node, eps: number): void {
    const { site } = this;
    const { source, statistics } = this.forward(node, { groups: node.shape.channels, eps, over: 'batch' });
    const [dy, v, weight] = node.inputs.slice(1).map((input) => site.plain(input).rooms[0]!) as [
      Room,
      Room,
      Room,
    ];
    const out = site.room(node);
    site.calls([...source.rooms, statistics, dy, v, weight, out], (list) =>
      batchNormCurvature(list, {
        source: source.sources()[0]!,
        dy: dy.at,
        v: v.at,
        weight: weight.at,
        statistics: statistics.at,
        out: out.at,
      }),
    );
  }

  /** What the forward pass of the norm that a node is of has found. */
  private forward(node: Node, of: NormOf): Found {
    const norm = normOf(this.site.folding, node, of);
    const found = norm && this.found.get(norm);
    if (!found) throw new Unplanned(node.operation.op, 'no norm before it');
    return found;
  }

  private statistics({ norm: node, modulate }: Normed): Found {
    let found = this.found.get(node);
    if (!found) {
      found = this.write(node, modulate);
      this.found.set(node, found);
    }
    return found;
  }

  private write(node: Node, modulate: Node | null): Found {
    const { site } = this;
    const { operation: o, inputs, shape } = node;
    if (o.op !== 'groupNorm') throw new Unplanned(o.op, 'no norm');
    if (shape.channels % 4 !== 0) throw new Unplanned('a norm', `${shape.channels} channels`);
    const source = site.plain(inputs[0]!);
    const images = o.over === 'batch' ? 1 : site.batch;
    const [affine, statistics] = [1, 2].map(() => site.works.room(images * 2 * shape.channels)) as [
      Room,
      Room,
    ];
    const partials = site.works.room(partialValues(this.maps(source, o.over)));
    const [weight, bias] = [site.room(inputs[1]!), site.room(inputs[2]!)];
    const vector = modulate && site.room(modulate);
    const rooms = [...source.rooms, affine, statistics, partials, weight, bias, ...(vector ? [vector] : [])];
    site.calls(rooms, (list) =>
      norm(list, {
        sources: this.maps(source, o.over),
        groups: o.groups,
        eps: o.eps,
        weight: weight.at,
        bias: bias.at,
        modulate: vectorAt(modulate, vector),
        partials: partials.at,
        affine: affine.at,
        statistics: statistics.at,
      }),
    );
    return { source, affine, statistics };
  }

  /** A gradient's room that may be written over: a copy where others read it too. */
  private changeable(node: Node): Room {
    const { site } = this;
    const read = site.plain(node);
    if ((site.folding.readers.get(node)?.length ?? 0) <= 1) return read.rooms[0]!;
    const copy = site.works.room(site.values(node));
    site.calls([...read.rooms, copy], (list) =>
      slice(list, { source: read.sources()[0]!, from: 0, out: site.map(node, copy) }),
    );
    return copy;
  }

  private maps(source: Reading, over: 'image' | 'batch'): MapAt[] {
    return over === 'batch' ? source.sources().map(asOneImage) : source.sources();
  }
}

/** The rows of all images below one another: batch norm is a group norm of one channel a group over them. */
const asOneImage = (map: MapAt): MapAt => ({ ...map, images: 1, height: map.images * map.height });

const vectorAt = (node: Node | null, room: Room | null): VectorAt | undefined =>
  node && room ? { at: room.at, stride: 4 * storedChannels(node.shape.channels) } : undefined;
