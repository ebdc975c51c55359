import { type ClassMix, formatMix } from '../../lib/class-mix';
import { classIn, classSource, mixIn, type SharedClass } from '../../lib/classes';
import { formatRowSpec, type RowSpec } from '../../lib/row-spec';
import type { GenerateRequest, OwnInput } from '../../protocol/generate';
import type { Stores } from '../app-state';
import { latentsOf } from '../generate/latents';
import { formatOwn, type OwnPlace } from '../generate/points';
import { ownInputs } from '../generate/request';
import { seedAt } from '../generate/view';
import { usableModels } from '../models';
import { type RowModel, rowModel, settled } from './row-model';
import { type RowResult, shows, type WantedImage } from './store';
import { readComparison } from './view';

/** A row of the view, and the images that it is to show. */
export interface RowPlan {
  row: RowSpec;
  /** Of its result. */
  key: string;
  model: RowModel;
  class: SharedClass;
  /** What every image's class is mixed with. */
  mix: ClassMix;
  temperature: number;
  /** What single columns have of their own, as far as the model takes it; null = nothing. */
  own: readonly (OwnInput | null)[];
  /** By column. */
  wanted: readonly WantedImage[];
}

/** Every row of the view, from top to bottom. */
export function planRows({ view, engine, catalogue, compare, latents, rows: downloaded }: Stores): RowPlan[] {
  const { seed, classIndex, mix, temperature, own: places, comparison } = view.getState();
  const { rows, at } = readComparison(comparison);
  const { columns } = compare.getState();
  const { catalogue: known, classFiles } = catalogue.getState();
  const models = usableModels(known, engine.getState().opened, downloaded.getState().rows, classFiles);
  const found = (rows ?? []).map((row) => rowModel(row.model, models, known, classFiles));
  const source = classSource(found.flatMap(({ facts }) => facts ?? []));
  return (rows ?? []).map((row, i) => {
    const model = found[i]!;
    const chosen =
      model.facts && source ? classIn(model.facts, classIndex, source) : { index: null, missing: false };
    const mixed = model.facts && source ? mixIn(model.facts, mix, source) : { mix: [], missing: false };
    const also = mixed.mix.length > 0 || temperature !== 1 ? `${formatMix(mixed.mix)} ${temperature}` : '';
    // An image that is open beside the rows is made also where there is no room for it among them.
    const count = columns > 0 && at?.row === i ? Math.max(columns, at.column + 1) : columns;
    const seeds = Array.from({ length: count }, (_, c) => seedAt(seed, c));
    // A place of the grid is the column of its seed.
    const named = places.map((place): OwnPlace => {
      const { facts } = model;
      return {
        ...place,
        classIndex: facts && source ? classIn(facts, place.classIndex, source).index : null,
      };
    });
    const own = model.facts ? ownInputs(named, seeds, model.facts, latentsOf(latents)) : [];
    return {
      row,
      key: formatRowSpec(row),
      model,
      class: { index: chosen.index, missing: chosen.missing || mixed.missing },
      mix: mixed.mix,
      temperature,
      own,
      wanted: seeds.map((seed, c) => ({
        seed,
        asked: chosen.index,
        also:
          also +
          ownText(
            own[c],
            named.find(({ place }) => place === c),
          ),
      })),
    };
  });
}

/** Tells what a column has of its own from anything else that it could have. */
const ownText = (input: OwnInput | null | undefined, place: OwnPlace | undefined): string =>
  input && place ? ` ${formatOwn([{ ...place, place: 0, noise: input.noise ? place.noise : null }])}` : '';

/** The columns of a row whose images are not made yet. */
export const missingColumns = ({ wanted }: RowPlan, { images }: RowResult): number[] =>
  wanted.flatMap((want, column) => (shows(images[column], want) ? [] : [column]));

/** The engine's request for some columns of a row; null where its model is not on this device. */
export function rowRequest(plan: RowPlan, columns: readonly number[]): GenerateRequest | null {
  const { facts, here } = plan.model;
  if (!facts || !here) return null;
  const own = columns.map((column) => plan.own[column] ?? null);
  return {
    model: facts.ref,
    seeds: columns.map((column) => plan.wanted[column]!.seed),
    classIndex: plan.class.index,
    ...(plan.mix.length > 0 && { mix: plan.mix }),
    ...(plan.temperature !== 1 && { temperature: plan.temperature }),
    ...(own.some(Boolean) && { own }),
    ...settled(plan.row, facts),
  };
}
