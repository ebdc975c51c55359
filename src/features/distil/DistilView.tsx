import { Suspense, use, useEffect } from 'react';
import { useApp, useDistil, useEngine } from '../../state/react';
import { part } from '../../ui/part';
import './setup/setup.css';
import './run/run.css';
import './distil-narrow.css';
import './runs/runs.css';
import { SetupView } from './setup/SetupView';

/** Each is loaded when it is first shown. */
const RunView = part(() => import('./run/RunView'));
const RunsView = part(() => import('./runs/RunsView'));
const CompareRuns = part(() => import('./runs/CompareRuns'));
const SeriesView = part(() => import('./series/SeriesView'));

/** A diffusion teacher becomes a one-step generator: what to make it of, then the run, then all of them. */
export default function DistilView() {
  const { controller } = useApp();
  use(controller.openDistil()); // what the views below take from the controller is here from now on
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
      <Suspense fallback={null}>
        {shown === 'run' && hasRun ? (
          <RunView />
        ) : shown === 'series' ? (
          <SeriesView />
        ) : shown === 'runs' ? (
          <RunsView />
        ) : shown === 'compare' && compared ? (
          <CompareRuns />
        ) : (
          <SetupView />
        )}
      </Suspense>
    </>
  );
}
