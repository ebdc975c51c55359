import { type Catalogue, parseCatalogue } from '../storage/catalogue';
import { currentModel, type Stores } from './app-state';
import { isFileKey } from './arrival';
import { fail } from './engine';
import type { OpenedFiles } from './files/opened-files';
import { resize } from './generate/images';
import { type LoadSheet, showPreview } from './generate/preview';
import type { ImageRequests } from './generate/requests';
import type { Link } from './link';
import type { Downloads } from './models/downloads';
import { type LoadFetched, readFetched } from './models/fetched';
import type { EngineStart } from './starting';

interface Options {
  stores: Stores;
  starting: EngineStart;
  requests: ImageRequests;
  files: Pick<OpenedFiles, 'openKept'>;
  /** null where this page asks other hosts for nothing. */
  downloads: Pick<Downloads, 'list'> | null;
  link: Link;
  /** Text of the catalogue. */
  loadCatalogue: () => Promise<string>;
  /** null where the page's host has no fetched models. */
  loadFetched: LoadFetched | null;
  loadSheet: LoadSheet;
}

/** Brings the page from its address to its first images. `problems` are what of the address could not be followed. */
export async function boot(options: Options, problems: readonly string[]): Promise<void> {
  const { stores, starting, requests, files, link, loadSheet } = options;
  const { view, engine } = stores;
  resize(stores.images, view.getState().count);
  const ready = starting.start();
  ready.catch(() => {}); // told below, once the catalogue is there
  const listed = Promise.all([options.downloads?.list(), readHost(options)]);
  const catalogue = await readCatalogue(options);
  const read = { view: view.getState(), problems: [...problems] };
  // A file that the link names may be kept here: that is known when the engine runs.
  const waits = read.view.model !== null && isFileKey(read.view.model);
  // So may a public model: that is known in a moment.
  if (catalogue?.models.some((m) => m.id === read.view.model && m.kind !== 'shipped')) await listed;
  if (catalogue && !waits) {
    link.settle(read, catalogue);
    const model = currentModel(stores);
    if (model) await showPreview(stores, model, loadSheet).catch(() => {});
  }
  try {
    await ready;
  } catch (error) {
    fail(engine, 'starting', error);
    if (catalogue && waits) link.settle(read, catalogue);
    return;
  }
  await files.openKept();
  if (catalogue && waits) link.settle(read, catalogue);
  requests.refresh();
}

async function readHost({ stores, loadFetched }: Options): Promise<void> {
  if (loadFetched)
    await readFetched(stores.rows, loadFetched).catch((error) => fail(stores.engine, 'page', error));
}

async function readCatalogue({ stores, loadCatalogue }: Options): Promise<Catalogue | null> {
  try {
    const catalogue = parseCatalogue(await loadCatalogue());
    stores.catalogue.setState({ catalogue });
    return catalogue;
  } catch (error) {
    fail(stores.engine, 'page', error);
    return null;
  }
}
