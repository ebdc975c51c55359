import { createOwnNoise } from '../generate/own-noise';
import type { AppContext } from '../react';
import { sortFiles } from './dropped';

type App = Pick<AppContext, 'controller' | 'stores' | 'announce'>;

/**
 * Puts files where they belong, whatever part of the page they came to: a picture that this project made restores its
 * view, a latent is the selected image's noise, other images go to Distil, checkpoints among the models (beside the settings of a run, as its teacher). What
 * belongs nowhere is said.
 */
export async function receiveFiles(
  { controller, stores, announce }: App,
  files: readonly File[],
): Promise<void> {
  if (await restores(files, controller)) {
    announce('Restored what the picture says of itself');
    return;
  }
  const taken = await takesLatent(files, { controller, stores });
  if (taken) {
    announce(taken);
    return;
  }
  const { checkpoints, data, refused } = await sortFiles(files);
  if (data.length > 0 || stores.view.getState().tab === 'distil') {
    const distil = await controller.openDistil();
    if (data.length > 0) {
      // First, so that a checkpoint that came with them is their teacher.
      stores.view.setState({ tab: 'distil' });
      distil.show('setup');
      distil.takeFiles(data);
    }
    distil.refuse(refused);
  }
  if (refused) announce(refused);
  for (const file of checkpoints) await controller.open(file);
}

/** Shows what a single PNG of this project says of itself; false where the files are something else. */
async function restores(files: readonly File[], controller: App['controller']): Promise<boolean> {
  const [file] = files;
  if (files.length !== 1 || !file || !/\.png$/i.test(file.name)) return false;
  const fragment = await controller.playground.exporter().then((exporter) => exporter.fragmentIn(file));
  if (fragment === null) return false;
  controller.restore(fragment);
  return true;
}

/** Takes a single file of latents as noise where images of one model are shown; null where it is something else. */
async function takesLatent(
  files: readonly File[],
  { controller, stores }: Pick<App, 'controller' | 'stores'>,
): Promise<string | null> {
  const [file] = files;
  const { tab, compare } = stores.view.getState();
  if (files.length !== 1 || !file || tab !== 'generate' || compare) return null;
  return /\.(npy|npz|safetensors)$/i.test(file.name) ? createOwnNoise(stores, controller).take(file) : null;
}
