import { sentence, whole } from '../lib/words';
import type { EngineState } from './engine';

/** The one line that says what is under way for the images in view, or what failed; null = neither. */
export type WorkLineContent =
  | { kind: 'work'; what: string; detail: string; value: number | null; cancellable: boolean }
  | { kind: 'error'; text: string; choose: readonly string[] }
  | null;

/**
 * Sampling within a fraction of a second is not worth a line; the view shows it only after a moment
 * (ui/WorkLine). An error stands until it is dismissed or until what failed is tried again.
 */
export function workLine({
  work,
  progress,
  made,
  error,
}: Pick<EngineState, 'work' | 'progress' | 'made' | 'error'>): WorkLineContent {
  if (error) return { kind: 'error', text: error.line, choose: error.choose?.from ?? [] };
  if (!work) return null;
  const images = work.kind === 'generating' ? made : null;
  const total = progress?.total ?? 0;
  if (images && !progress)
    return {
      kind: 'work',
      what: `Generating ${images[0]}/${images[1]}`,
      detail: work.subject,
      value: images[0] / images[1],
      cancellable: work.cancellable,
    };
  return {
    kind: 'work',
    what: progress ? sentence(progress.what) + counted(progress) : VERBS[work.kind],
    detail: work.subject,
    value: progress && total > 0 ? Math.min(1, progress.done / total) : null,
    cancellable: work.cancellable,
  };
}

const VERBS = { starting: 'Starting', generating: 'Generating' } as const;

/** "12/48" for shaders, "1.2 of 6.8 MB" for bytes. */
function counted({ done, total, unit }: NonNullable<EngineState['progress']>): string {
  if (unit === 'bytes') return ` ${mega(done)} of ${mega(total)} MB`;
  return ` ${whole(done)}/${whole(total)}`;
}

const mega = (bytes: number) => (bytes / 1e6).toFixed(1);
