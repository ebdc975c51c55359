import type { RowSpec } from '../../lib/row-spec';
import type { EngineClient } from '../../protocol/client';
import { currentModel, type Stores } from '../app-state';
import { type ModelFacts, usableModels } from '../models';
import { hereOf, type RowStates } from '../models/rows';
import { RowRequests } from './requests';
import {
  defaultRows,
  usualRow,
  withOpen,
  withoutRow,
  withRow,
  withRowAt,
  withRowChanged,
  withRowMoved,
} from './rows';
import { type Cell, type Comparison, formatComparison, readComparison } from './view';

export interface CompareController {
  /** Shows rows of several models, or one model; each comes back as it was left. */
  show(compare: boolean): void;
  /** Shows rows of these models, as they are usually sampled; rows that are there already stay as they are. */
  showRows(models: readonly string[]): void;
  add(row: RowSpec): void;
  /** A model that has just been opened: the rows that wait for it follow by themselves, otherwise it gets one. */
  take(model: Pick<ModelFacts, 'key' | 'role'>): void;
  /** Returns what brings the row back where it was. */
  remove(index: number): () => void;
  move(from: number, to: number): void;
  change(index: number, settings: Partial<RowSpec>): void;
  /** Opens an image beside the rows; null closes it. */
  open(at: Cell | null): void;
  /** Shows the row's model with its settings, one model alone, with that image selected. */
  alone(at: Cell): void;
  /** So many images fit side by side. */
  fit(columns: number): void;
  /** Makes all images anew. */
  again(): void;
  retry(key: string): void;
  /** Looks what is to be made. */
  refresh(): void;
}

interface Options {
  client: Pick<EngineClient, 'generate'>;
  stores: Stores;
  nextFrame: (callback: () => void) => void;
  now: () => number;
}

/** Which public models are on this device, as one text. */
const keysHere = ({ rows }: { rows: RowStates }): string => Object.keys(hereOf(rows)).sort().join('\n');

/** The rows of Compare: what a person does to them, and the images that follow. */
export function createCompareController(options: Options): CompareController {
  const { stores } = options;
  const { view, compare, engine, catalogue } = stores;
  const requests = new RowRequests(options);

  const read = (): Comparison => readComparison(view.getState().comparison);
  const write = (comparison: Comparison) => view.setState({ comparison: formatComparison(comparison) });

  /** Rows for who has not chosen any. */
  function furnish(): void {
    const known = catalogue.getState().catalogue;
    const model = currentModel(stores);
    if (!view.getState().compare || !known || !model || read().rows) return;
    write({
      rows: defaultRows(
        model,
        usableModels(known, engine.getState().opened, stores.rows.getState().rows),
        known,
      ),
      at: null,
    });
  }

  view.subscribe((next, before) => {
    const changed = (
      ['compare', 'comparison', 'seed', 'classIndex', 'mix', 'temperature', 'own', 'tab'] as const
    ).some((key) => next[key] !== before[key]);
    if (!changed || !(next.compare || before.compare)) return;
    furnish();
    requests.refresh();
  });
  catalogue.subscribe(() => {
    furnish();
    requests.refresh();
  });
  stores.latents.subscribe(() => requests.refresh()); // one that a link names may have come
  stores.rows.subscribe((next, before) => {
    if (keysHere(next) !== keysHere(before)) requests.refresh();
  });
  engine.subscribe((next, before) => {
    if (next.opened !== before.opened || (next.status && !before.status)) requests.refresh();
    const { run, bytes } = compare.getState();
    const model = next.status?.model;
    if (run && model && next.status !== before.status && bytes[model.key] !== next.status!.memoryBytes)
      compare.setState({ bytes: { ...bytes, [model.key]: next.status!.memoryBytes } });
  });

  return {
    show: (shown) => view.setState({ compare: shown }),
    showRows(models) {
      const { rows } = read();
      const here = models.every((model) => rows?.some((row) => row.model === model));
      const known = usableModels(
        catalogue.getState().catalogue,
        engine.getState().opened,
        stores.rows.getState().rows,
      );
      const wanted = known.filter(({ key }) => models.includes(key));
      wanted.sort((a, b) => models.indexOf(a.key) - models.indexOf(b.key));
      const comparison = here ? null : formatComparison({ rows: wanted.map(usualRow), at: null });
      view.setState({ compare: true, ...(comparison !== null && { comparison }) });
    },
    add: (row) => write(withRow(read(), row)),
    take(model) {
      if (!read().rows?.some((row) => row.model === model.key)) write(withRow(read(), usualRow(model)));
    },
    remove(index) {
      const before = read();
      const row = before.rows?.[index];
      write(withoutRow(before, index));
      return () => row && write(withRowAt(read(), index, row));
    },
    move: (from, to) => write(withRowMoved(read(), from, to)),
    change: (index, settings) => write(withRowChanged(read(), index, settings)),
    open: (at) => write(withOpen(read(), at)),
    alone({ row: index, column }) {
      const row = read().rows?.[index];
      if (!row) return;
      const { model, sampler, steps, sigma } = row;
      view.setState({ compare: false, model, sampler, steps, sigma, selected: column });
    },
    fit(columns) {
      if (compare.getState().columns === columns) return;
      compare.setState({ columns });
      requests.refresh();
    },
    again: () => requests.again(),
    retry: (key) => requests.retry(key),
    refresh: () => requests.refresh(),
  };
}
