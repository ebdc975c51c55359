import { useStore } from 'zustand';
import { useShallow } from 'zustand/react/shallow';
import { sentence } from '../lib/words';
import { isInView, type LongStep, type StepPlace, stepName, stepShare } from '../state/long-steps';
import { useApp, useDistil, useEngine, useMeasure, useView } from '../state/react';
import { workLine } from '../state/work-line';
import { formatBytes, formatWhole, leftWords } from '../ui/format';
import { ProgressLine } from '../ui/ProgressLine';
import { WorkLine } from '../ui/WorkLine';

/** What failed, and that the engine starts, for the tabs that have no place of their own for it. */
export function EngineLine() {
  const { controller } = useApp();
  // Images being made in the background are not these tabs' business; what failed is.
  const generating = useEngine((s) => s.work?.kind === 'generating' && s.error === null);
  const line = workLine(useEngine(({ work, progress, made, error }) => ({ work, progress, made, error })));
  if (!line || generating) return null;
  return (
    <div className="engine-line">
      <WorkLine
        line={line}
        onCancel={controller.cancel}
        onDismiss={controller.dismissError}
        onChoose={controller.chooseForFile}
      />
    </div>
  );
}

/** What takes long, on every tab: how far each is, and its end. A step is left to the view that is about it. */
export function WorkBar() {
  const { stores } = useApp();
  const tab = useView((v) => v.tab);
  const measured = useMeasure((s) => s.shown);
  const steps = useStore(
    stores.steps,
    useShallow((s) => s.steps.filter(({ told }) => told)),
  );
  const run = useDistil((d) => (d.shown === 'run' && d.run ? d.run.about.id : null));
  const away = steps.filter(({ place }) => !(place && isInView(place, { tab, measured, run })));
  if (away.length === 0) return null;
  return (
    <section className="work-bar" aria-label="Under way">
      {away.map((step) => (
        <Step key={step.serial} step={step} />
      ))}
    </section>
  );
}

function Step({ step }: { step: LongStep }) {
  const { controller, stores } = useApp();
  const { place, stop } = step;
  const name = stepName(step);
  const show = (there: StepPlace) => {
    if (there.tab === 'models') stores.measure.setState({ shown: there.measured });
    else if (stores.distil.getState().run?.about.id === there.run) stores.distil.setState({ shown: 'run' });
    else void controller.distil.openRun(there.run);
    stores.view.setState({ tab: there.tab });
  };
  return (
    <ProgressLine
      what={name}
      detail={stepFacts(step)}
      value={stepShare(step)}
      onCancel={stop.perform}
      cancel={{ word: stop.word, label: `${stop.word} ${name.charAt(0).toLowerCase()}${name.slice(1)}` }}
      onShow={place ? () => show(place) : undefined}
    />
  );
}

/** '12 of 48 images, 0:35 left'; of a part of it, which. */
function stepFacts({ progress }: LongStep): string {
  if (!progress) return '';
  const { what, done, total, unit, left } = progress;
  const amount =
    unit === 'bytes'
      ? `${formatBytes(done)}${total ? ` of ${formatBytes(total)}` : ''}`
      : `${formatWhole(done)}${total ? ` of ${formatWhole(total)}` : ''} ${unit}`;
  return `${what ? `${sentence(what)}, ` : ''}${amount}${leftWords(left)}`;
}

/** Says to screen readers what began, how far it is at each quarter, and how it ended. */
export function WorkAnnouncements() {
  const said = useStore(useApp().stores.steps, (s) => s.said);
  return (
    <p className="hidden-text" aria-live="polite">
      {said}
    </p>
  );
}
