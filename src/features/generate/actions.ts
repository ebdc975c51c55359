import { chosenSampler, SAMPLER_NAMES } from '../../lib/sampling';
import type { Action, ActionContext, ActionFamily } from '../../state/actions/action';
import { currentModel } from '../../state/app-state';
import type { MadeImage } from '../../state/generate/images';
import { MAX_COUNT, tidySeed } from '../../state/generate/view';
import { usableModels } from '../../state/models';
import { copyText } from '../../ui/copy-text';
import { formatNumber } from '../../ui/format';
import { copyImage } from './copy-image';
import { OWN_ACTIONS } from './own-actions';
import { recipeText } from './recipe';

const selectedImage = ({ stores }: ActionContext): MadeImage | null =>
  stores.images.getState().images[stores.view.getState().selected] ?? null;

const compares = ({ stores }: ActionContext): boolean => stores.view.getState().compare;

/** Why nothing can be done with the selected image. */
function noImage(app: ActionContext): string | null {
  if (app.stores.view.getState().tab !== 'generate') return 'The Generate tab is not shown';
  if (compares(app)) return 'Compare is shown: its images have their own buttons';
  return selectedImage(app) ? null : 'No image is made yet';
}

/** Goes so many images on in the seeds. */
const step =
  (by: number) =>
  ({ stores }: ActionContext) =>
    stores.view.setState(({ seed }) => ({ seed: tidySeed(Math.floor(seed) + by) }));

const resize =
  (by: number) =>
  ({ stores }: ActionContext) =>
    stores.view.setState(({ count }) => ({ count: Math.min(MAX_COUNT, Math.max(1, count + by)) }));

const SAMPLERS: Record<(typeof SAMPLER_NAMES)[number], [name: string, keywords: string]> = {
  'one-step': ['Make images in one step', 'nfe 1 single pass'],
  'two-step': ['Make images in two steps', 'nfe 2'],
  heun: ['Make images with Heun’s sampler', 'many steps diffusion edm teacher'],
};

/** What is done to images, and with them. */
export const GENERATE_ACTIONS: readonly Action[] = [
  ...OWN_ACTIONS,
  {
    id: 'generate',
    name: 'Generate',
    group: 'Images',
    shortcut: 'g',
    keywords: 'make again run',
    perform: ({ controller }) => controller.generate(),
  },
  {
    id: 'random',
    name: 'Random seed',
    group: 'Images',
    shortcut: 'r',
    keywords: 'shuffle dice surprise',
    perform: ({ controller }) => controller.randomSeed(),
  },
  { id: 'seed-next', name: 'Next seed', group: 'Images', shortcut: '.', perform: step(1) },
  { id: 'seed-back', name: 'Previous seed', group: 'Images', shortcut: ',', perform: step(-1) },
  {
    id: 'images-more',
    name: 'Show one image more',
    group: 'Images',
    keywords: 'count number',
    obstacle: ({ stores }) => (stores.view.getState().count < MAX_COUNT ? null : `${MAX_COUNT} is the most`),
    perform: resize(1),
  },
  {
    id: 'images-fewer',
    name: 'Show one image less',
    group: 'Images',
    keywords: 'count number',
    obstacle: ({ stores }) => (stores.view.getState().count > 1 ? null : 'One is the least'),
    perform: resize(-1),
  },
  ...SAMPLER_NAMES.map(
    (sampler): Action => ({
      id: `sampler-${sampler}`,
      name: SAMPLERS[sampler][0],
      group: 'Images',
      keywords: `sampler ${SAMPLERS[sampler][1]}`,
      obstacle: (app) => (compares(app) ? 'In Compare each row has its own' : null),
      perform: ({ stores }) => {
        const { sigmaMid = null } = currentModel(stores) ?? {};
        stores.view.setState({ sampler: chosenSampler(sampler, { sigmaMid }) });
      },
    }),
  ),
  {
    id: 'sigma-reset',
    name: 'Reset start sigma',
    group: 'Images',
    keywords: 'noise level default',
    obstacle: ({ stores }) => (stores.view.getState().sigma === null ? 'It is the model’s own' : null),
    perform: ({ stores }) => stores.view.setState({ sigma: null }),
  },
  {
    id: 'smooth',
    name: 'Smooth or crisp pixels',
    group: 'Images',
    shortcut: 's',
    keywords: 'interpolate nearest scaling',
    perform: ({ stores, announce }) => {
      const smooth = !stores.prefs.getState().smooth;
      stores.prefs.setState({ smooth });
      announce(smooth ? 'Pixels are smoothed' : 'Pixels are crisp');
    },
  },
  {
    id: 'pin',
    name: 'Pin the selected image, or let it go',
    group: 'Between seeds',
    shortcut: 'p',
    keywords: 'keep hold path',
    obstacle: noImage,
    perform: ({ stores, controller, announce }) =>
      announce(controller.pins.toggle(stores.view.getState().selected)),
  },
  {
    id: 'save-png',
    name: 'Save the selected image as PNG',
    group: 'Take away',
    shortcut: 'mod+s',
    keywords: 'download picture file settings frame',
    obstacle: noImage,
    perform: async ({ controller }) => (await controller.playground.exporter()).saveShown(),
  },
  {
    id: 'copy-image',
    name: 'Copy the selected image',
    group: 'Take away',
    shortcut: 'mod+shift+c',
    keywords: 'clipboard picture png',
    obstacle: noImage,
    perform: async ({ controller, announce }) =>
      announce(
        (await copyImage(controller.playground.exporter()))
          ? 'The image was copied'
          : 'The browser did not allow copying',
      ),
  },
  {
    id: 'copy-recipe',
    name: 'Copy the recipe of the selected image',
    group: 'Take away',
    keywords: 'settings seed text clipboard',
    obstacle: noImage,
    perform: async (app) => {
      const { recipe } = selectedImage(app)!;
      const copied = await copyText(recipeText(recipe, app.controller.link()));
      app.announce(
        copied
          ? `The recipe of seed ${formatNumber(recipe.seed)} was copied`
          : 'The browser did not allow copying',
      );
    },
  },
  {
    id: 'compare',
    name: 'Compare models side by side, or show one',
    group: 'Compare',
    shortcut: 'm',
    keywords: 'rows teacher student versus',
    perform: (app) => {
      const compare = !compares(app);
      app.stores.view.setState({ tab: 'generate' });
      app.controller.compare.show(compare);
    },
  },
];

/** Each model that can make images now. */
export const modelActions: ActionFamily = ({ stores }) => {
  const { catalogue, classFiles } = stores.catalogue.getState();
  const { opened } = stores.engine.getState();
  const models = usableModels(catalogue, opened, stores.rows.getState().rows, classFiles);
  return models.map((model) => ({
    id: `use-${model.key}`,
    name: `Use ${model.name}`,
    group: 'Models',
    keywords: `model switch ${model.role ?? ''} ${model.key}`,
    obstacle: (app) =>
      currentModel(app.stores)?.key === model.key &&
      !compares(app) &&
      app.stores.view.getState().tab === 'generate'
        ? 'It is in use'
        : null,
    perform: ({ controller }) => controller.use(model.key),
  }));
};
