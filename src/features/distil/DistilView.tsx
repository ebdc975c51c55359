import { useEffect } from 'react';
import { useApp, useDistil, useEngine } from '../../state/react';
import { CompareView } from './runs/CompareView';
import './setup/setup.css';
import './run/run.css';
import './distil-narrow.css';
import './runs/runs.css';
import { RunView } from './run/RunView';
import { RunsView } from './runs/RunsView';
import { SetupView } from './setup/SetupView';

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
  useEffect(() => void (ready && controller.distil.loadRuns()), [controller, ready]);
  return (
    <>
      <h1 className="hidden-text">Distil</h1>
      {shown === 'run' && hasRun ? (
        <RunView />
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
