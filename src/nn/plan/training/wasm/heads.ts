import {
  deviation,
  deviationGradient,
  deviationPartials,
  normaliseWeights,
  powerIteration,
  spectralGradient,
  spectralTable,
} from '../../../../simd/calls/discriminator';
import { slice } from '../../../../simd/calls/maps';
import type { Node } from '../../graph';
import { storedChannels } from '../../steps';
import { Unplanned } from '../executor';
import { rowAt, type Site } from './site';
import type { Room } from './works';

/** What only the heads of a discriminator need: spectral norm and the minibatch's deviation. */
export class HeadWorks {
  /** What a pass leaves for its gradient. */
  private readonly passes = new Map<Node, { table: Room; normalised: Room; sigma: Room }>();

  constructor(private readonly site: Site) {}

  /** u is copied first: each pass has vectors of its own, which its gradient reads. */
  spectralNorm(node: Node): void {
    const { site } = this;
    const [weight, u, v] = node.inputs as [Node, Node, Node];
    const filter = site.layouts.of(weight);
    if (filter.kind !== 'filter') throw new Unplanned('spectral norm', filter.kind);
    const before = site.room(v.inputs[1]!);
    const gradient = (site.folding.readers.get(node.inputs[1]!) ?? []).find(
      ({ operation }) => operation.op === 'spectralGradient',
    );
    const rooms = [weight, u, v, node].map((n) => site.room(n)) as [Room, Room, Room, Room];
    const sigma = site.works.room(1, true);
    const table = site.works.room(16, true);
    const [from, to] = gradient
      ? [site.room(gradient.inputs[3]!), site.room(gradient)]
      : [rooms[3], rooms[3]];
    site.tables.push({
      room: table,
      words: () =>
        spectralTable([
          {
            weight: rooms[0].at,
            rows: filter.taps * storedChannels(filter.inputs),
            columns: storedChannels(filter.outputs),
            u: rooms[1].at,
            v: rooms[2].at,
            sigma: sigma.at,
            normalised: rooms[3].at,
            gradient: from.at,
            out: to.at,
          },
        ]),
    });
    if (gradient) this.passes.set(gradient, { table, normalised: rooms[3], sigma });
    site.calls([before, ...rooms, table, sigma], (list) => {
      slice(list, { source: rowAt(this.site, u, before.at), from: 0, out: rowAt(this.site, u, rooms[1].at) });
      powerIteration(list, { table: table.at, layers: 1 });
      normaliseWeights(list, { table: table.at, layers: 1 });
    });
  }

  spectralGradient(node: Node): void {
    const { site } = this;
    const { table, normalised, sigma } = this.passes.get(node)!;
    const rooms = [...node.inputs.map((input) => site.room(input)), site.room(node)];
    site.calls([...rooms, table, normalised, sigma], (list) =>
      spectralGradient(list, { table: table.at, layers: 1 }),
    );
  }

  deviation(node: Node): void {
    const { site } = this;
    const [x] = node.inputs as [Node];
    const [read, out] = [site.plain(x), site.room(node)];
    const partials = site.works.room(2 * deviationPartials(site.map(x)));
    site.calls([...read.rooms, partials, out], (list) =>
      deviation(list, {
        source: read.sources()[0]!,
        channels: x.shape.channels,
        partials: partials.at,
        out: out.at,
      }),
    );
  }

  deviationGradient(node: Node): void {
    const { site } = this;
    const [x, gradient] = node.inputs as [Node, Node];
    const [read, number, out] = [site.plain(x), site.room(gradient), site.room(node)];
    site.calls([...read.rooms, number, out], (list) =>
      deviationGradient(list, {
        source: read.sources()[0]!,
        channels: x.shape.channels,
        gradient: number.at,
        out: out.at,
      }),
    );
  }
}
