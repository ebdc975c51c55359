import { createStore, type StoreApi } from 'zustand/vanilla';
import { asInnateError } from '../lib/errors';
import { TimeLeft } from '../lib/time-left';
import type { Progress } from '../protocol/models';

/** What may take long, and goes on where its view is left. */
export type LongKind =
  | 'opening'
  | 'keeping'
  | 'checking'
  | 'exporting'
  | 'downloading'
  | 'measuring'
  | 'distilling';

/** How a long step came out. */
export type StepEnd = 'done' | 'cancelled' | 'failed';

/** How far it is. */
export interface StepProgress {
  /** What is being done, where it is not the step as a whole: 'generating' of a measurement. */
  what?: string;
  done: number;
  /** null where nobody knows. */
  total: number | null;
  unit: Progress['unit'];
  /** Seconds, where whoever does it knows better than its rate; null where it cannot be known. */
  left?: number | null;
}

/** The view that shows a step by itself: the list of models, the numbers of one, or a run. */
export type StepPlace = { tab: 'models'; measured: string | null } | { tab: 'distil'; run: string };

/** What is in view: the tab, and of which model (in Models) and of which run (in Distil); null = of none. */
export interface InView {
  tab: string;
  measured: string | null;
  run: string | null;
}

/** Whether the view that shows a step is the one that is looked at. */
export function isInView(place: StepPlace, { tab, measured, run }: InView): boolean {
  if (place.tab !== tab) return false;
  return place.tab === 'distil' ? place.run === run : place.measured === measured;
}

export interface LongStep {
  /** No other step has it. */
  serial: number;
  /** At most one step of a key is under way. */
  key: string;
  kind: LongKind;
  /** What it works on, for people: 'GIF of the path'. */
  subject: string;
  progress: (StepProgress & { left: number | null }) | null;
  /** Ends it; `word` says how: measurements and runs pause. */
  stop: { word: 'Cancel' | 'Pause'; perform: () => void };
  place: StepPlace | null;
  /** It takes long enough to be told of. */
  told: boolean;
}

export interface LongStepsState {
  /** The newest last. */
  steps: readonly LongStep[];
  /** What screen readers are told: that a step began, each quarter of its way, and how it ended. */
  said: string;
}

export type LongStepsStore = StoreApi<LongStepsState>;
export const createLongStepsStore = (): LongStepsStore => createStore(() => ({ steps: [], said: '' }));

/** What ends sooner is not worth a line: it would flicker. */
export const PATIENCE_MS = 350;

const VERBS: Record<LongKind, string> = {
  opening: 'Opening',
  keeping: 'Keeping',
  checking: 'Checking',
  exporting: 'Exporting',
  downloading: 'Downloading',
  measuring: 'Measuring',
  distilling: 'Distilling',
};

const ENDS: Record<StepEnd, string> = { done: 'finished', cancelled: 'stopped', failed: 'failed' };

/** The step in words: 'Exporting GIF of the path'. */
export const stepName = ({ kind, subject }: Pick<LongStep, 'kind' | 'subject'>): string =>
  `${VERBS[kind]} ${subject}`;

/** 0 to 1; null where the total is not known. */
export function stepShare({ progress }: Pick<LongStep, 'progress'>): number | null {
  return progress?.total ? Math.min(1, progress.done / progress.total) : null;
}

type Begun = Pick<LongStep, 'kind' | 'subject'> &
  Partial<Pick<LongStep, 'key' | 'place'>> & { cancel: () => void; word?: LongStep['stop']['word'] };

/** What a step is told by who takes it; once another has taken its place, or it has ended, nothing is heard of it. */
export interface StepTeller {
  progress(progress: StepProgress): void;
  end(how: StepEnd): void;
}

/** The one list of what takes long, wherever it was begun. The shell shows it (app/WorkBar.tsx). */
export class LongSteps {
  private serial = 0;

  /** `now`: milliseconds of a clock that never goes back. */
  constructor(
    readonly store: LongStepsStore,
    private readonly now: () => number,
  ) {}

  /** Begins a step; another of its key gives way. Its kind is its key where it has none. */
  begin({ kind, subject, key = kind, place = null, cancel, word = 'Cancel' }: Begun): StepTeller {
    const serial = ++this.serial;
    const stop = { word, perform: cancel };
    const step: LongStep = { serial, key, kind, subject, progress: null, stop, place, told: false };
    this.store.setState(({ steps }) => ({ steps: [...steps.filter((other) => other.key !== key), step] }));
    const left = new TimeLeft(this.now);
    let quarters = 0;
    const change = (change: Partial<LongStep>, said?: string) =>
      this.store.setState((s) => ({
        steps: s.steps.map((other) => (other.serial === serial ? { ...other, ...change } : other)),
        said: said ?? s.said,
      }));
    const timer = setTimeout(() => {
      const mine = this.find(serial);
      if (!mine) return;
      quarters = quarterOf(mine);
      change({ told: true }, `${stepName(mine)}.`);
    }, PATIENCE_MS);
    return {
      progress: (progress) => {
        const mine = this.find(serial);
        if (!mine) return;
        const what = progress.what ?? '';
        const known = progress.left === undefined ? left.of({ ...progress, what }) : progress.left;
        const next = { progress: { ...progress, left: known } };
        // Of the parts that a step has, each from its own beginning, the first to come so far is told.
        const quarter = quarterOf(next);
        const told = mine.told && quarter > quarters;
        if (told) quarters = quarter;
        change(next, told && quarter < 4 ? `${stepName(mine)}: ${25 * quarter} %.` : undefined);
      },
      end: (how) => {
        clearTimeout(timer);
        const mine = this.find(serial);
        if (!mine) return;
        this.store.setState((s) => ({
          steps: s.steps.filter((other) => other !== mine),
          said: mine.told ? `${stepName(mine)} ${ENDS[how]}.` : s.said,
        }));
      },
    };
  }

  /** Cancels the step that was begun last; false where there is none. */
  cancelNewest(): boolean {
    const newest = this.store.getState().steps.at(-1);
    newest?.stop.perform();
    return newest !== undefined;
  }

  private find(serial: number): LongStep | undefined {
    return this.store.getState().steps.find((step) => step.serial === serial);
  }
}

/** How something that rejected came out. */
export const endOf = (error: unknown): StepEnd =>
  asInnateError(error).code === 'cancelled' ? 'cancelled' : 'failed';

const quarterOf = (step: Pick<LongStep, 'progress'>): number => Math.floor(4 * (stepShare(step) ?? 0));
