import { DISTIL_ACTIONS } from '../../features/distil/actions';
import { GENERATE_ACTIONS, modelActions } from '../../features/generate/actions';
import { PATH_ACTIONS } from '../../features/generate/path-actions';
import { TAKE_AWAY_ACTIONS } from '../../features/generate/take-away-actions';
import { LAYERS_ACTIONS } from '../../features/layers/actions';
import type { Action, ActionFamily } from '../../state/actions/action';
import { PAGE_ACTIONS } from './page';

/** Every action of the page. A feature has its own in `actions.ts` of its folder. */
export const ACTIONS: readonly Action[] = [
  ...GENERATE_ACTIONS,
  ...PATH_ACTIONS,
  ...TAKE_AWAY_ACTIONS,
  ...DISTIL_ACTIONS,
  ...LAYERS_ACTIONS,
  ...PAGE_ACTIONS,
];

export const FAMILIES: readonly ActionFamily[] = [modelActions];
