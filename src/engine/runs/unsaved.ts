import type { RunRecord } from '../../protocol/runs';
import type { RunFolder, Which } from './folder';
import { encodeState, type RunState, type SavedRun } from './state';

/** What a full disk did not take of a run. */
export interface Unsaved {
  states: Map<Which, RunState>;
  record: RunRecord | null;
}

/**
 * By run, as long as the worker lives: a run that ended on a full disk can still be exported, resumed, and saved once
 * there is room.
 */
export const unsavedRuns = new Map<string, Unsaved>();

/** A state in memory as one that was read. */
export const asSaved = ({ tensors, meta }: RunState): SavedRun => ({
  tensors: {
    shape: (name) => tensors.get(name)?.shape,
    read: (name) => tensors.get(name)!.values,
  },
  meta: structuredClone(meta),
});

/** How far a run really is, with the name and the notes on disk; null where nothing is known of it. */
export async function recordOf(folder: RunFolder): Promise<RunRecord | null> {
  const unsaved = unsavedRuns.get(folder.id)?.record;
  const onDisk = await folder.record().catch((error) => {
    if (unsaved) return null; // what is in memory is whole
    throw error;
  });
  if (!unsaved) return onDisk;
  return onDisk ? { ...unsaved, about: onDisk.about, notes: onDisk.notes } : unsaved;
}

/** The newest state of a run that is not under way. */
export async function newestState(folder: RunFolder): Promise<SavedRun | null> {
  const unsaved = unsavedRuns.get(folder.id)?.states.get('last');
  return unsaved ? asSaved(unsaved) : folder.state('last');
}

/** The newest state as a file of the command line. */
export async function stateFile(folder: RunFolder): Promise<Uint8Array[] | null> {
  const unsaved = unsavedRuns.get(folder.id)?.states.get('last');
  if (unsaved) return [...encodeState(unsaved)];
  const bytes = await folder.stateFile();
  return bytes && [bytes];
}

/** Saves what a full disk did not take; throws where it still does not. */
export async function keepUnsaved(folder: RunFolder): Promise<void> {
  const unsaved = unsavedRuns.get(folder.id);
  if (!unsaved) return;
  const record = await recordOf(folder);
  for (const [which, state] of unsaved.states) await folder.saveState(state, which);
  if (record) await folder.saveRecord(record);
  unsavedRuns.delete(folder.id);
}
