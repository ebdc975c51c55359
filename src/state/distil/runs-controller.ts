import { type RunList, runList } from './run-list';
import { type RunOutcome, runOutcome } from './run-outcome';
import { type RunView, type RunViewOptions, runView } from './run-view';

/** The flow of saved runs between the page and the engine: their list, the run in view, and what it came to. */
export type RunsController = RunList & RunView & RunOutcome;

export function createRunsController(options: RunViewOptions): RunsController {
  const list = runList(options);
  return { ...list, ...runView(options), ...runOutcome(options, list) };
}
