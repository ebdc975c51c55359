import { lazy, Suspense, useEffect } from 'react';
import { loadPart } from '../../lib/load-part';
import { useApp, useDistil, useEngine } from '../../state/react';
import { CompareView } from './runs/CompareView';
import './setup/setup.css';
import './run/run.css';
import './distil-narrow.css';
import './runs/runs.css';
import { RunView } from './run/RunView';
import { RunsView } from './runs/RunsView';
import { SetupView } from './setup/SetupView';

/** Loaded when a series is first shown. */
const SeriesView = lazy(() => loadPart(import('./series/SeriesView')));

/** A diffusion teacher becomes a one-step generator: what to make it of, then the run, then all of them. */
export function DistilView() {
  const { controller } = useApp();
  const { shown, hasRun, compared } = useDistil((s) => ({
    shown: s.shown,
    hasRun: s.run !== null,
    compared: s.compared !== null,
  }));
  const ready = useEngine((s) => s.status?.backend != null);
  useEffect(() => void controller.distil.loadPacks(), [controller]);
  // The engine reads the saved runs.
  useEffect(() => {
    if (!ready) return;
    void controller.distil.loadRuns();
    void controller.distil.loadSeries();
  }, [controller, ready]);
  return (
    <>
      <h1 className="hidden-text">Distil</h1>
      {shown === 'run' && hasRun ? (
        <RunView />
      ) : shown === 'series' ? (
        <Suspense fallback={null}>
          <SeriesView />
        </Suspense>
      ) : shown === 'runs' ? (
        <RunsView />
      ) : shown === 'compare' && compared ? (
        <CompareView />
      ) : (
        <SetupView />
      )}
    </>
  );
}
