import { createContext, useCallback, useContext, useSyncExternalStore } from 'react';
import { useStore } from 'zustand';
import { useShallow } from 'zustand/react/shallow';
import type { Action, ActionContext } from './actions/action';
import type { Registry } from './actions/registry';
import type { SeriesState } from './distil/series/store';
import type { DistilState } from './distil/store';
import type { EngineState } from './engine';
import type { ViewState } from './generate/view';
import { type LongStep, stepShare } from './long-steps';
import type { MeasureState } from './measure/store';
import { chooseModel, type ModelFacts, usableModels } from './models';
import { hereOf } from './models/rows';
import type { Prefs } from './prefs';

/** What the page's components have: the state, what can be done, and the few things that only the page itself can do. */
export interface AppContext extends ActionContext {
  actions: Registry;
}

const Context = createContext<AppContext | null>(null);
export const AppProvider = Context.Provider;

export function useApp(): AppContext {
  const app = useContext(Context);
  if (!app) throw new Error('AppProvider is missing');
  return app;
}

export const useView = <T>(select: (view: ViewState) => T): T => useStore(useApp().stores.view, select);
export const usePrefs = <T>(select: (prefs: Prefs) => T): T => useStore(useApp().stores.prefs, select);
export const useEngine = <T>(select: (engine: EngineState) => T): T =>
  useStore(useApp().stores.engine, useShallow(select));
export const useDistil = <T>(select: (distil: DistilState) => T): T =>
  useStore(useApp().stores.distil, useShallow(select));
export const useSeries = <T>(select: (series: SeriesState) => T): T =>
  useStore(useApp().stores.series, useShallow(select));
export const useMeasure = <T>(select: (measure: MeasureState) => T): T =>
  useStore(useApp().stores.measure, useShallow(select));
/** How far the step of that key is that takes long; null before it says so, and where there is none. */
export const useStepProgress = (of: string): LongStep['progress'] =>
  useStore(useApp().stores.steps, (s) => s.steps.find(({ key }) => key === of)?.progress ?? null);
/** How far the step of that key is, 0 to 1, and 0 where nobody knows; null where there is none. */
export const useStepShare = (of: string): number | null =>
  useStore(useApp().stores.steps, (s) => {
    const step = s.steps.find(({ key }) => key === of);
    return step ? (stepShare(step) ?? 0) : null;
  });
export const useCatalogue = () => useStore(useApp().stores.catalogue, (s) => s.catalogue);

export function useModels(): ModelFacts[] {
  const { catalogue, classFiles } = useStore(useApp().stores.catalogue);
  const opened = useEngine((s) => s.opened);
  const rows = useStore(
    useApp().stores.rows,
    useShallow((s) => hereOf(s.rows)),
  );
  return usableModels(catalogue, opened, rows, classFiles);
}

/** The model in use; null until the catalogue is here. */
export function useModel(): ModelFacts | null {
  const key = useView((v) => v.model);
  return chooseModel(useModels(), key);
}

/** An action as a button or an entry of a menu needs it. */
interface UsableAction {
  action: Action;
  /** Why it cannot be done now; null = it can. */
  obstacle: string | null;
  perform: () => void;
}

export function useAction(id: string): UsableAction {
  const { actions, stores } = useApp();
  const action = actions.get(id);
  const subscribe = useCallback(
    (listener: () => void) => {
      const ends = Object.values(stores).map((store) => store.subscribe(listener));
      return () => {
        for (const end of ends) end();
      };
    },
    [stores],
  );
  const obstacle = useSyncExternalStore(subscribe, () => actions.obstacle(action));
  return { action, obstacle, perform: () => void actions.perform(action) };
}
