import { Pause, Play, Square, StepForward } from 'lucide-react';
import { isAdversarial } from '../../../distil/config';
import type { DistilAction } from '../../../protocol/distil';
import type { DistilRunState } from '../../../state/distil/store';
import { useApp } from '../../../state/react';

/** The buttons of a run under way. Single steps are for a run at rest. */
export function RunControls({ run }: { run: DistilRunState }) {
  const { controller } = useApp();
  const { control } = controller.distil;
  const paused = run.phase === 'paused';
  const stopping = run.asked === 'stop' || run.phase === 'stopped';
  return (
    <>
      {paused ? (
        <button
          type="button"
          className="button primary"
          disabled={stopping}
          onClick={() => control('resume')}
        >
          <Play aria-hidden />
          Resume
        </button>
      ) : (
        <button
          type="button"
          className="button primary"
          disabled={run.phase !== 'running' || run.asked !== null}
          onClick={() => control('pause')}
        >
          <Pause aria-hidden />
          Pause
        </button>
      )}
      {steps(run).map(([action, label, about]) => (
        <button
          key={action}
          type="button"
          className="button"
          title={paused ? about : `${about}. Pause first`}
          disabled={!paused || run.asked !== null}
          onClick={() => control(action)}
        >
          <StepForward aria-hidden />
          {label}
        </button>
      ))}
      <button type="button" className="button" disabled={stopping} onClick={() => control('stop')}>
        <Square aria-hidden />
        Stop
      </button>
    </>
  );
}

/** Imitation and consistency distillation have no discriminator. */
const steps = ({ config }: DistilRunState): [DistilAction, string, string][] =>
  !isAdversarial(config.method)
    ? [['step', 'One step', 'One update of the student']]
    : [
        ['step-d', 'One D step', 'One update of the discriminator, which tells real from generated'],
        ['step-g', 'One G step', 'One update of the generator, which is the student'],
      ];
