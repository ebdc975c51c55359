import * as v from 'valibot';
import { InnateError } from '../../lib/errors';
import type { RowState, RowsStore } from './rows';

const LIST = v.object({
  models: v.array(v.object({ id: v.string(), bytes: v.pipe(v.number(), v.safeInteger(), v.minValue(0)) })),
});

/** Text of the list of models that the page's host has beside its own: npm start serves what `innate models fetch` brought. */
export type LoadFetched = () => Promise<string>;

/** Takes what the page's host has among the models that are here. Throws where its list is none. */
export async function readFetched(rows: RowsStore, load: LoadFetched): Promise<void> {
  const fetched = Object.fromEntries(
    parseList(await load()).map(({ id, bytes }): [string, RowState] => [
      id,
      { kind: 'here', bytes, fetched: true },
    ]),
  );
  // What this browser has of the same model goes before it.
  rows.setState((s) => ({ fetched, rows: { ...fetched, ...s.rows } }));
}

function parseList(text: string): { id: string; bytes: number }[] {
  try {
    return v.parse(LIST, JSON.parse(text)).models;
  } catch (error) {
    throw new InnateError(
      'bad-file',
      'the list of fetched models is damaged',
      { found: text.slice(0, 40) },
      error,
    );
  }
}
