import type { DistilAction } from '../../protocol/distil';
import type { Action, ActionContext } from '../../state/actions/action';
import { type DistilRunState, type DistilState, isUnderWay } from '../../state/distil/store';

/** The run under way; null = none. */
function underWay({ stores }: ActionContext): DistilRunState | null {
  const { run } = stores.distil.getState();
  return isUnderWay(run) ? run : null;
}

const NO_RUN = 'No run is under way';

/** Something that a run under way can be asked for, unless `refuse` says why not. */
function runAction(
  id: DistilAction,
  name: string,
  keywords: string,
  refuse: (run: DistilRunState) => string | null,
): Action {
  return {
    id: `run-${id}`,
    name,
    group: 'Distil',
    keywords,
    obstacle: (app) => {
      const run = underWay(app);
      return run ? refuse(run) : NO_RUN;
    },
    perform: ({ controller }) => controller.distil.control(id),
  };
}

const show = (
  id: string,
  name: string,
  what: DistilState['shown'],
  obstacle?: Action['obstacle'],
): Action => ({
  id,
  name,
  group: 'Distil',
  keywords: 'train student go to view',
  ...(obstacle && { obstacle }),
  perform: async ({ stores, controller }) => {
    stores.view.setState({ tab: 'distil' });
    (await controller.openDistil()).show(what);
  },
});

/** A run: begun, held, gone on with, ended, found again. */
export const DISTIL_ACTIONS: readonly Action[] = [
  {
    id: 'run-start',
    name: 'Start to distil, as it is set',
    group: 'Distil',
    keywords: 'train student run begin gdd',
    obstacle: (app) => (underWay(app) ? 'A run is under way' : null),
    perform: async ({ stores, controller }) => {
      stores.view.setState({ tab: 'distil' });
      const distil = await controller.openDistil();
      distil.show('setup'); // which says what is missing, where something is
      await distil.loadPacks();
      distil.start();
    },
  },
  runAction('pause', 'Pause the run', 'hold train', (run) =>
    run.phase === 'running' && run.asked === null ? null : 'It is not running',
  ),
  runAction('resume', 'Resume the run', 'go on continue train', (run) =>
    run.phase === 'paused' ? null : 'It is not paused',
  ),
  runAction('stop', 'Stop the run and save it', 'end train', (run) =>
    run.asked === 'stop' ? 'It stops after this step' : null,
  ),
  show('run-settings', 'Set up a run', 'setup'),
  show('run-show', 'Show the last run', 'run', ({ stores }) =>
    stores.distil.getState().run ? null : 'There was no run since the page was opened',
  ),
  show('runs-show', 'Show all runs', 'runs', ({ stores }) => {
    const { runs, unreadable } = stores.distil.getState();
    return (runs?.length ?? 0) + unreadable.length > 0 ? null : 'No run is saved';
  }),
];
