import type { StoreApi } from 'zustand/vanilla';
import { InnateError } from '../../lib/errors';
import { evaluations } from '../../lib/sampling';
import { counted, whole } from '../../lib/words';
import type { EngineClient } from '../../protocol/client';
import type { ExportClient, ExportSession } from '../../protocol/export-client';
import type { GenerateRequest } from '../../protocol/generate';
import { seedClass } from '../../rng/seeds';
import type { Stores } from '../app-state';
import { latentsOf } from '../generate/latents';
import { buildRequest, recipeOf } from '../generate/request';
import type { ModelFacts } from '../models';
import { usableModels } from '../models';
import { makeImages, Portion } from '../path/make-images';
import { fileName, seedPath } from './names';
import { imageFragment, pngText, recipePin } from './settings';
import type { ExportsState } from './store';
import type { ExportTasks, TaskHooks } from './task';

export const MOST_IMAGES = 50_000;

/** Seeds `first`, `first + 1`, ...: so many. */
export interface ManyImages {
  first: number;
  count: number;
}

/** All that makes the images of an archive, so that another visit can go on with them. */
interface About extends ManyImages {
  version: 1;
  /** What a request is without its seeds. */
  request: Omit<GenerateRequest, 'seeds' | 'first'>;
  model: Pick<ModelFacts, 'key' | 'name' | 'resolution' | 'channels' | 'labelDim' | 'sigma' | 'sigmaMid'>;
}

interface Options {
  client: Pick<EngineClient, 'generate'>;
  files: ExportClient;
  stores: Stores;
  tasks: ExportTasks;
  store: StoreApi<ExportsState>;
  save: (blob: Blob, name: string) => void;
}

/**
 * Images of many seeds as PNG files in a zip, named as the paper's generate.py names them and with its dataset.json: what
 * Innate's own readers and EDM's take. The archive lies in the browser's private files while it is made.
 */
export class ManyImagesExport {
  constructor(private readonly options: Options) {}

  async look(): Promise<void> {
    this.options.store.setState({ kept: await this.options.files.kept() });
  }

  /** Makes them as the view is set, from its model. */
  async run({ first, count }: ManyImages): Promise<void> {
    const { stores } = this.options;
    const view = stores.view.getState();
    const model = this.modelOf(view.model);
    if (!model) return;
    const {
      seeds: _,
      first: __,
      ...request
    } = buildRequest({ ...view, own: [], count: 1 }, model, latentsOf(stores.latents));
    const { key, name, resolution, channels, labelDim, sigma, sigmaMid } = model;
    await this.make({
      version: 1,
      first,
      count,
      request,
      model: { key, name, resolution, channels, labelDim, sigma, sigmaMid },
    });
  }

  async resume(): Promise<void> {
    const { store, files, save } = this.options;
    const { kept } = store.getState();
    const about = kept && readAbout(kept.about);
    if (!about) return;
    if (kept.whole) return save(await files.takeKept(), archiveName(about));
    if (!this.modelOf(about.model.key))
      throw new InnateError('not-found', 'the model of these images is not here', {
        where: about.model.name,
        hint: 'Open or download it, then resume',
      });
    await this.make(about);
  }

  async remove(): Promise<void> {
    await this.options.files.removeKept();
    await this.look();
  }

  private modelOf(key: string | null): ModelFacts | null {
    const { catalogue, engine, rows } = this.options.stores;
    const { catalogue: list, classFiles } = catalogue.getState();
    const models = usableModels(list, engine.getState().opened, rows.getState().rows, classFiles);
    return models.find((model) => model.key === key) ?? null;
  }

  private async make(about: About): Promise<void> {
    const { files, tasks, save } = this.options;
    const { count, model } = about;
    await tasks.run(`${counted(count, 'image')} of ${model.name}`, async (hooks) => {
      const { resolution, channels } = model;
      const session = await files.open({
        kind: 'images',
        resolution,
        channels,
        about: JSON.stringify(about),
      });
      try {
        await this.fill(session, about, hooks);
        save(await session.finish(datasetOf(about)), archiveName(about));
      } catch (error) {
        await session.close();
        throw error;
      }
    });
    await this.look();
  }

  /** Image by image from where the archive ends. */
  private async fill(session: ExportSession, about: About, hooks: TaskHooks): Promise<void> {
    const { client } = this.options;
    const portion = new Portion();
    const { count, first } = about;
    hooks.onProgress(session.done, count);
    for (let done = session.done; done < count; ) {
      const seeds = Array.from({ length: portion.next(count - done) }, (_, i) => first + done + i);
      const request = { ...about.request, seeds };
      const { pixels, classes, ms } = await makeImages(request, { client, signal: hooks.signal });
      if (hooks.signal.aborted) throw new InnateError('cancelled', 'cancelled');
      portion.took(seeds.length, ms);
      const labels = seeds.map((seed, i) => {
        const recipe = recipeOf(request, model(about), i, classes?.[i] ?? null);
        return {
          path: seedPath(seed, count),
          text: pngText(recipe, imageFragment(recipePin(recipe), about.model)),
        };
      });
      await session.add(pixels, labels);
      done += seeds.length;
      hooks.onProgress(done, count);
    }
  }
}

/** What a recipe needs of the model. */
const model = ({ model: { key, name } }: About) => ({ key, name, classes: null });

/** The labels of the archive as EDM's data sets have them, where there are classes. */
function datasetOf({ first, count, request, model: { labelDim } }: About): [string, string][] {
  if (labelDim === 0) return [];
  const labels = Array.from({ length: count }, (_, i) => [
    seedPath(first + i, count),
    request.classIndex ?? seedClass(first + i, labelDim),
  ]);
  return [['dataset.json', JSON.stringify({ labels })]];
}

const archiveName = ({ first, count, model: { key } }: About): string =>
  fileName([key, 'seeds', `${first}-${first + count - 1}`], 'zip');

/** What an archive says of itself; null where this version does not know it. */
export function readAbout(text: string): About | null {
  try {
    const about = JSON.parse(text) as About;
    return about.version === 1 ? about : null;
  } catch {
    return null;
  }
}

/** An archive in a sentence. */
export function aboutWords(text: string): string {
  const about = readAbout(text);
  if (!about) return 'an archive of another version';
  const passes = evaluations(about.request);
  const last = about.first + about.count - 1;
  return `${about.model.name}, seeds ${whole(about.first)} to ${whole(last)}, ${counted(passes, 'pass', 'passes')} each`;
}
