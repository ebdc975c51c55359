import { ownSampler } from '../../lib/sampling';
import { seedClass } from '../../rng/seeds';
import { currentModel, type Stores } from '../app-state';
import type { ModelFacts } from '../models';
import { latentsOf } from './latents';
import { buildRequest, recipeOf } from './request';

/** Reads the sheet of that path: RGBA, rows of `width` pixels; null where it cannot be had. */
export type LoadSheet = (path: string) => Promise<{ pixels: Uint8ClampedArray; width: number } | null>;

/**
 * Fills empty places with images made beforehand, so that the first second shows what the page is about. They
 * come only where they are what the live network will make: the model's own steps from where it starts, whole seeds, no
 * chosen class. A teacher's sheet is made with many steps; its first live grid is not.
 */
export async function showPreview(stores: Stores, model: ModelFacts, loadSheet: LoadSheet): Promise<void> {
  const { preview, resolution, labelDim } = model;
  if (!preview || model.role === 'teacher') return;
  const sheet = await loadSheet(preview.path);
  const view = stores.view.getState();
  // The view may have moved on while the sheet was on its way.
  if (!sheet || currentModel(stores)?.key !== model.key || sheet.width !== resolution * preview.columns)
    return;
  const request = buildRequest(view, model, latentsOf(stores.latents));
  const asDrawn = view.classIndex === null && view.mix.length === 0 && view.temperature === 1;
  if (request.sampler !== ownSampler(model) || request.sigma !== model.sigma || !asDrawn) return;
  const images = stores.images.getState().images.map((image, index) => {
    const seed = request.seeds[index]!;
    if (image || request.own?.[index] || !Number.isInteger(seed) || seed >= preview.columns * preview.rows)
      return image;
    return {
      pixels: cutTile(sheet, resolution, seed % preview.columns, Math.floor(seed / preview.columns)),
      resolution,
      name: null,
      recipe: recipeOf(request, model, index, labelDim > 0 ? seedClass(seed, labelDim) : null),
      generation: 0,
    };
  });
  stores.images.setState({ images });
}

function cutTile(
  sheet: { pixels: Uint8ClampedArray; width: number },
  size: number,
  column: number,
  row: number,
): Uint8ClampedArray<ArrayBuffer> {
  const tile = new Uint8ClampedArray(size * size * 4);
  for (let y = 0; y < size; y++) {
    const from = ((row * size + y) * sheet.width + column * size) * 4;
    tile.set(sheet.pixels.subarray(from, from + size * 4), y * size * 4);
  }
  return tile;
}
