import { createContext, useContext } from 'react';
import { useStore } from 'zustand';
import { useShallow } from 'zustand/react/shallow';
import type { Stores } from './app-state';
import type { Controller } from './controller';
import type { SeriesState } from './distil/series/store';
import type { DistilState } from './distil/store';
import type { EngineState } from './engine';
import type { ViewState } from './generate/view';
import type { MeasureState } from './measure';
import { chooseModel, type ModelFacts, usableModels } from './models';
import { hereOf } from './models/rows';
import type { Prefs } from './prefs';

/** The thin binding between the stores and React. */
export interface AppContext {
  stores: Stores;
  controller: Controller;
  /** Says a passing confirmation, and offers one thing that can be done about it. */
  announce: (text: string, action?: { label: string; perform: () => void }) => void;
  /** Opens the dialog that explains the page. */
  showHelp: () => void;
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
