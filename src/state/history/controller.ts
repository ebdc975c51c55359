import { currentModel, type Stores } from '../app-state';
import type { MadeImage } from '../generate/images';
import { latentsOf } from '../generate/latents';
import { buildRequest, recipeOf } from '../generate/request';
import type { ViewState } from '../generate/view';
import { Gestures } from './gestures';
import { type KeptOptions, linkCarries, MAX_KEPT, readKept, writeKept } from './kept';
import { type HeldView, type HistoryEntry, thumbnailOf } from './store';
import { changed, extended } from './timeline';
import { changedKeys, changeWords } from './words';

/** So many entries are remembered beside the marked ones. */
export const MAX_ENTRIES = 60;

export interface HistoryController {
  /** Goes back by one entry; false where there is none. */
  undo(): boolean;
  redo(): boolean;
  /** Shows the entry of that id. */
  go(id: number): void;
  /** Marks an entry for later visits, or no longer; says in a sentence what has come of it. */
  keep(id: number): string;
  /** A pointer (null) or a key goes down: what changes until it comes up is one entry. */
  press(key: string | null): void;
  release(): void;
}

const heldOf = ({ tab: _tab, layers: _layers, ...held }: ViewState): HeldView => held;

/** Remembers what was seen, from now on: one entry a gesture, with a small picture. */
export function createHistory(stores: Stores, now: () => number, storing: KeptOptions): HistoryController {
  const { view, images, history } = stores;
  const gestures = new Gestures(now);
  let ids = 0;
  let applying = false;

  const entry = (state: HeldView, words: string): HistoryEntry => ({
    id: ++ids,
    state,
    words,
    picture: null,
    kept: false,
  });
  const shown = () => history.getState().moments[history.getState().current]!;

  /** Takes the view over into the current entry, where it is the same thing seen otherwise. */
  function amend(change: Partial<HistoryEntry>): void {
    history.setState(changed(history.getState(), history.getState().current, change));
  }

  function begin(): void {
    const kept = readKept(storing).map((e): HistoryEntry => ({ ...e, id: ++ids }));
    const state = heldOf(view.getState());
    history.setState({
      moments: [...kept, entry(state, changeWords(['seed'], state, null))],
      current: kept.length,
    });
  }

  function follow(): void {
    const state = heldOf(view.getState());
    const current = shown();
    const keys = changedKeys(current.state, state);
    if (keys.length === 0 || applying || settles(keys, current.state)) {
      if (state.selected === current.state.selected && keys.length === 0) return;
      amend({ state });
      picture();
      return;
    }
    const words = changeWords(keys, state, currentModel(stores));
    // The entry that a gesture began goes on changing with it.
    if (
      gestures.continues(keys.join()) &&
      history.getState().current === history.getState().moments.length - 1
    )
      amend({ state, words, picture: null });
    else history.setState(extended(history.getState(), entry(state, words), MAX_ENTRIES));
    picture(); // a pin, for one, is another view of images that are there already
  }

  /** Gives the current entry its picture, as soon as the selected image is what the view says. */
  function picture(): void {
    const { selected, compare } = view.getState();
    const image = images.getState().images[selected];
    if (!image || compare || !isOf(image, stores)) return;
    amend({ picture: thumbnailOf(image) });
    if (shown().kept) store();
  }

  const store = (): boolean =>
    writeKept(
      storing,
      history.getState().moments.filter(({ kept }) => kept),
    );

  function show(index: number): boolean {
    const target = history.getState().moments[index];
    if (!target) return false;
    gestures.interrupt();
    applying = true;
    history.setState({ current: index });
    view.setState(target.state);
    applying = false;
    return true;
  }

  begin();
  view.subscribe(follow);
  images.subscribe(picture);

  return {
    undo: () => show(history.getState().current - 1),
    redo: () => show(history.getState().current + 1),
    go: (id) => void show(history.getState().moments.findIndex((e) => e.id === id)),
    keep(id) {
      const { moments } = history.getState();
      const index = moments.findIndex((e) => e.id === id);
      const found = moments[index];
      if (!found) return 'It is gone.';
      if (!found.kept && moments.filter(({ kept }) => kept).length >= MAX_KEPT)
        return `${MAX_KEPT} entries are marked, which is all there is room for.`;
      if (!found.kept && !linkCarries(found.state))
        return 'It has a latent from a file, which a browser does not keep: save the latent, then it can be made again.';
      history.setState(changed(history.getState(), index, { kept: !found.kept }));
      const stored = store();
      if (found.kept) return `“${found.words}” is no longer marked.`;
      return stored
        ? `“${found.words}” is marked, and stays for the next visit.`
        : `“${found.words}” is marked until the tab is closed: this browser keeps nothing for the page.`;
    },
    press: (key) => gestures.press(key),
    release: () => gestures.release(),
  };
}

/** The page itself settles on a model once it knows them: nobody has changed anything. */
const settles = (keys: readonly (keyof HeldView)[], before: HeldView): boolean =>
  before.model === null && keys.includes('model');

/** Whether an image is the selected one of the view, and not of what was shown before. */
function isOf({ recipe, generation }: MadeImage, stores: Stores): boolean {
  const model = currentModel(stores);
  const view = stores.view.getState();
  if (!model || generation === 0) return false;
  const request = buildRequest(view, model, latentsOf(stores.latents));
  // The class of a seed is known by the engine alone: where none is chosen, the image has it.
  const own = request.own?.[view.selected];
  const chosen = own?.classIndex ?? request.classIndex ?? recipe.classIndex;
  const wanted = recipeOf(request, model, view.selected, chosen);
  return JSON.stringify({ ...recipe, className: null }) === JSON.stringify({ ...wanted, className: null });
}
