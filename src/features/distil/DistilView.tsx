import { useEffect } from 'react';
import { useApp, useDistil } from '../../state/react';
import './distil.css';
import { RunView } from './RunView';
import { SetupView } from './SetupView';

/** A diffusion teacher becomes a one-step generator: what to make it of, then the run. */
export function DistilView() {
  const { controller } = useApp();
  const shown = useDistil((s) => (s.shown === 'run' && s.run ? 'run' : 'setup'));
  useEffect(() => void controller.distil.loadPacks(), [controller]);
  return (
    <>
      <h1 className="hidden-text">Distil</h1>
      {shown === 'run' ? <RunView /> : <SetupView />}
    </>
  );
}
