import { createStore, type StoreApi } from 'zustand/vanilla';
import { counted } from '../../lib/words';
import type { EngineClient } from '../../protocol/client';
import { createExportClient, type ExportClient } from '../../protocol/export-client';
import type { VideoKind } from '../../protocol/exports';
import { currentModel, type Stores } from '../app-state';
import { fail } from '../engine';
import type { MadeImage } from '../generate/images';
import { pinOf } from '../generate/request';
import type { LongSteps, StepEnd } from '../long-steps';
import { type ModelFacts, usableModels } from '../models';
import type { PathPlayer } from '../path/player';
import { formatPath } from '../path/view';
import { type ManyImages, ManyImagesExport } from './many';
import { fileName, imageFileName } from './names';
import { type PathFile, writePath } from './path';
import { fragmentIn, imageFragment, pngText, recipePin, sheetText, viewFragment } from './settings';
import { sheetOf } from './sheet';
import type { ExportsState } from './store';
import { ExportTasks } from './task';

export interface ExporterOptions {
  client: Pick<EngineClient, 'generate'>;
  files: ExportClient;
  stores: Stores;
  steps: LongSteps;
  /** Lets the browser save a file. */
  save: (blob: Blob, name: string) => void;
  /** What plays the path of the view. */
  player: () => Promise<PathPlayer>;
}

/** An exporter whose files are written by a worker of its own. */
export const openExporter = ({
  makeWorker,
  ...options
}: Omit<ExporterOptions, 'files'> & { makeWorker: () => Worker }): Exporter =>
  new Exporter({ ...options, files: createExportClient(makeWorker) });

/** Takes away what is in view: pictures, arrays, archives. What fails is told in the page's line. */
export class Exporter {
  readonly store: StoreApi<ExportsState> = createStore<ExportsState>(() => ({ kept: undefined }));
  readonly tasks: ExportTasks;
  private readonly many: ManyImagesExport;

  constructor(private readonly options: ExporterOptions) {
    const { stores, steps } = options;
    this.tasks = new ExportTasks({ engine: stores.engine, steps });
    this.many = new ManyImagesExport({ ...options, tasks: this.tasks, store: this.store });
  }

  /** The picture at a place of the grid, with its settings inside; null where there is none. */
  async png(place: number): Promise<Blob | null> {
    const { stores } = this.options;
    const model = this.model();
    const image = stores.images.getState().images[place];
    if (!model || image?.recipe.modelKey !== model.key) return null;
    const { pixels, resolution, recipe } = image;
    const link = imageFragment(pinOf(stores.view.getState(), image, place), model);
    return this.options.files.png(
      { width: resolution, height: resolution, rgba: pixels },
      model.channels,
      pngText(recipe, link),
    );
  }

  /** Saves the picture that a person looks at: the selected image, or the frame of the path under the playhead. */
  saveShown(): Promise<void> {
    return this.told(async () => {
      const { save, stores } = this.options;
      const { path, selected } = stores.view.getState();
      if (path !== '') {
        const frame = await this.framePng(await this.options.player());
        if (frame) save(frame.blob, frame.name);
        return;
      }
      const blob = await this.png(selected);
      const image = stores.images.getState().images[selected];
      if (blob && image) save(blob, imageFileName(image));
    });
  }

  /** An image of any model that is here, with its settings inside. */
  saveImage({ pixels, resolution, recipe }: MadeImage): Promise<void> {
    return this.told(async () => {
      const { files, save, stores } = this.options;
      const { catalogue, classFiles } = stores.catalogue.getState();
      const { opened } = stores.engine.getState();
      const models = usableModels(catalogue, opened, stores.rows.getState().rows, classFiles);
      const model = models.find(({ key }) => key === recipe.modelKey);
      if (!model) return;
      const text = pngText(recipe, imageFragment(recipePin(recipe), model));
      const pictures = { width: resolution, height: resolution, rgba: pixels };
      save(await files.png(pictures, model.channels, text), imageFileName({ recipe }));
    });
  }

  /** The picture that a person looks at: the frame under the playhead, or the selected image. */
  async shownPng(): Promise<Blob | null> {
    const { path, selected } = this.options.stores.view.getState();
    if (path === '') return this.png(selected);
    return (await this.framePng(await this.options.player()))?.blob ?? null;
  }

  private async framePng(player: PathPlayer): Promise<{ blob: Blob; name: string } | null> {
    const { files, stores } = this.options;
    const { path, view, at, total } = player.store.getState();
    const image = player.frames.get(at);
    if (!path || !view || !image) return null;
    const link = viewFragment({ ...stores.view.getState(), path: formatPath({ ...view, frame: at }) });
    const { pixels: rgba, resolution } = image;
    const text = { ...sheetText(link), model: path.model.key, frame: `${at + 1} of ${total}` };
    const blob = await files.png({ width: resolution, height: resolution, rgba }, path.model.channels, text);
    return { blob, name: fileName([path.model.key, 'path', 'frame', at + 1], 'png') };
  }

  /** All images in view as one picture, with the link to them inside. */
  saveGrid(columns: number): Promise<void> {
    return this.told(async () => {
      const { stores, files, save } = this.options;
      const view = stores.view.getState();
      const text = sheetText(viewFragment(view));
      const blob = await files.png(sheetOf(stores.images.getState().images, columns), 3, text);
      save(
        blob,
        fileName([this.model()?.key ?? null, 'seeds', view.seed, counted(view.count, 'image')], 'png'),
      );
    });
  }

  /** The images in view as an array that public evaluators read. */
  saveNpz(): Promise<void> {
    return this.told(async () => {
      const { stores, files, save } = this.options;
      const model = this.model();
      const images = stores.images.getState().images.filter((image) => image !== null);
      const [first] = images;
      if (!model || !first) return;
      const size = 4 * first.resolution ** 2;
      const rgba = new Uint8ClampedArray(images.length * size);
      for (const [i, { pixels }] of images.entries()) rgba.set(pixels, i * size);
      const classes = images.map(({ recipe }) => recipe.classIndex);
      const blob = await files.npz(
        { width: first.resolution, height: first.resolution, rgba },
        model.channels,
        images.map(({ recipe }) => recipe.seed),
        classes.every((k) => k !== null) ? classes : null,
      );
      save(blob, fileName([model.key, 'seeds', first.recipe.seed, counted(images.length, 'image')], 'npz'));
    });
  }

  /** How a video of the path would be written; null where this browser has no encoder. */
  async videoKind(scale: number): Promise<VideoKind> {
    const { path, view } = (await this.options.player()).store.getState();
    if (!path || !view) return null;
    return this.options.files.videoKind(path.model.resolution, scale, view.fps);
  }

  /** All frames of the path; cancelled, it leaves nothing. */
  async savePath(kind: PathFile, scale: number): Promise<StepEnd> {
    const { client, files, save, stores } = this.options;
    const player = await this.options.player();
    const { path, total } = player.store.getState();
    const subject = { gif: 'GIF', video: 'video', frames: 'frames' }[kind];
    return this.tasks.run(`${subject} of the path`, async (hooks) => {
      const blob = await writePath(
        kind,
        scale,
        { client, files, player, view: stores.view.getState() },
        hooks,
      );
      const ending =
        kind === 'gif' ? 'gif' : kind === 'frames' ? 'zip' : blob.type.includes('mp4') ? 'mp4' : 'webm';
      const seeds = path?.stops.map(({ seed }) => seed).join('-') ?? '';
      save(blob, fileName([path?.model.key ?? null, 'path', seeds.slice(0, 40), `${total}-frames`], ending));
    });
  }

  /** The fragment that restores what a PNG of this page or of the command line shows; null where it says nothing. */
  async fragmentIn(file: File): Promise<string | null> {
    return fragmentIn(await this.options.files.readText(file));
  }

  /** Looks for an archive of many images that this browser keeps. */
  lookForKept(): Promise<void> {
    return this.told(() => this.many.look());
  }

  /** Makes many images, or goes on with those that are kept. */
  saveMany(images: ManyImages): Promise<void> {
    return this.many.run(images);
  }

  /** Goes on with what is kept, or saves it where it is whole. */
  resumeMany(): Promise<void> {
    return this.told(() => this.many.resume());
  }

  removeMany(): Promise<void> {
    return this.told(() => this.many.remove());
  }

  private model(): ModelFacts | null {
    return currentModel(this.options.stores);
  }

  private async told(task: () => Promise<void>): Promise<void> {
    try {
      await task();
    } catch (error) {
      fail(this.options.stores.engine, 'exporting', error);
    }
  }
}
