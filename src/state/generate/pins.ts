import { currentModel, type Stores } from '../app-state';
import { type AsideJob, type AsideRequests, recipePicture } from './aside';
import type { MadeImage } from './images';
import { latentsOf } from './latents';
import { pinPictureKey } from './pin-pictures';
import { formatPin, MAX_PINS, type Pin, withOwn } from './points';
import { pinOf, pinRequest } from './request';
import { oneModelShown, type ViewState } from './view';

/** So many pictures are kept, of pins that are gone or of other models, for their way back. */
const KEPT = 64;

export interface PinsController {
  /** Pins the image at a place, or lets it go; says in a sentence what has happened. */
  toggle(place: number): string;
  /** Lets a pin go. */
  remove(pin: Pin): void;
  /** Shows a pinned image: the grid goes on from its seed with its settings. */
  show(pin: Pin): void;
}

/** Whether the image at a place is pinned. */
export const isPinned = (view: ViewState, image: MadeImage, place: number): boolean =>
  view.pins.length > 0 && view.pins.some((pin) => formatPin(pin) === formatPin(pinOf(view, image, place)));

/** Pins of the view, and pictures of them by the model in use. */
export function createPins(stores: Stores, aside: AsideRequests): PinsController {
  const { view, images, pinned } = stores;
  const latents = latentsOf(stores.latents);

  function keep(pictures: Readonly<Record<string, MadeImage>>): void {
    const all = Object.entries({ ...pinned.getState().pictures, ...pictures });
    pinned.setState({ pictures: Object.fromEntries(all.slice(-KEPT)) });
  }

  /** Asks for the pictures that are missing. */
  function refresh(): void {
    const model = currentModel(stores);
    if (!model || !oneModelShown(view.getState())) return;
    const { pictures } = pinned.getState();
    const jobs = view.getState().pins.flatMap((pin): AsideJob[] => {
      const key = pinPictureKey(model.key, pin);
      if (pictures[key]) return [];
      const request = pinRequest(pin, model, latents);
      return [{ key, request, take: (chunk) => keep({ [key]: recipePicture(request, model, chunk) }) }];
    });
    aside.want('pins', jobs);
  }

  view.subscribe((next, before) => {
    if (
      next.pins !== before.pins ||
      next.model !== before.model ||
      oneModelShown(next) !== oneModelShown(before)
    )
      refresh();
  });
  stores.catalogue.subscribe(refresh);
  stores.engine.subscribe((next, before) => {
    // A view that begins with a path makes no grid whose end would be waited for.
    if (next.opened !== before.opened || (next.status && !before.status)) refresh();
  });

  return {
    toggle(place) {
      const image = images.getState().images[place];
      if (!image) return 'There is no image to pin yet.';
      const pin = pinOf(view.getState(), image, place);
      const text = formatPin(pin);
      const { pins } = view.getState();
      const left = pins.filter((p) => formatPin(p) !== text);
      if (left.length < pins.length) {
        view.setState({ pins: left });
        return `Seed ${pin.seed} is no longer pinned.`;
      }
      if (pins.length >= MAX_PINS) return `${MAX_PINS} images are pinned, which is all there is room for.`;
      // What was made beforehand is made by the network once more; the rest is here already.
      if (image.generation > 0) keep({ [pinPictureKey(image.recipe.modelKey, pin)]: image });
      view.setState({ pins: [...pins, pin] });
      return pins.length === 0
        ? `Seed ${pin.seed} is pinned: pin another, and both stay in view.`
        : `Seed ${pin.seed} is pinned.`;
    },
    remove(pin) {
      const text = formatPin(pin);
      view.setState(({ pins }) => ({ pins: pins.filter((p) => formatPin(p) !== text) }));
    },
    show({ seed, noise, ...settings }) {
      view.setState(({ own }) => ({
        ...settings,
        seed,
        selected: 0,
        own: withOwn(own, 0, { classIndex: null, noise }),
      }));
    },
  };
}
