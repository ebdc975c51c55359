import type { DistilConfig } from '../../distil/config';
import { asInnateError } from '../../lib/errors';
import type { EngineClient } from '../../protocol/client';
import type { PaperFile } from '../../protocol/paper-files';
import type { Stores } from '../app-state';
import { usableModels } from '../models';
import type { GivenFile } from './paper-files';
import {
  changed,
  type DistilSetup,
  NEW_SETUP,
  type OwnData,
  ownData,
  type SettledSetup,
  settleSetup,
} from './setup';

export interface Settings {
  /** Another teacher takes its own preset and data along; numbers that were changed stay. */
  chooseTeacher(key: string): void;
  set(changes: Partial<Omit<DistilSetup, 'teacher' | 'changes'>>): void;
  configure(changes: Partial<DistilConfig>): void;
  takeFiles(files: readonly File[]): void;
  /** A file of the published method, looked at as it is taken; null = without one. */
  takePaperFile(kind: PaperFile, file: File | null): void;
  /** Says what of some files was not taken; null = all were. */
  refuse(refused: string | null): void;
}

interface SettingsOptions {
  client: Pick<EngineClient, 'checkData' | 'checkPaperFile'>;
  stores: Pick<Stores, 'distil' | 'engine' | 'catalogue' | 'rows'>;
}

/** Changes to what a run is set to. */
export function distilSettings({ client, stores }: SettingsOptions): Settings {
  const { distil } = stores;
  const setSetup = (change: (setup: DistilSetup) => DistilSetup) =>
    distil.setState((s) => ({ setup: change(s.setup) }));

  return {
    chooseTeacher: (key) =>
      setSetup((setup) => ({
        ...setup,
        teacher: key,
        student: null,
        preset: null,
        data: setup.data === 'own' ? 'own' : null,
      })),

    set: (changes) =>
      setSetup((setup) => ({
        ...setup,
        ...changes,
        // A preset chosen by hand means its numbers; the method is a choice of its own.
        ...('preset' in changes && {
          changes: setup.changes.method ? { method: setup.changes.method } : NEW_SETUP.changes,
        }),
      })),

    configure(changes) {
      const { base } = settledSetup(stores);
      setSetup((setup) => changed(setup, base, changes));
    },

    takeFiles(files) {
      if (files.length === 0) return;
      const own = ownData(files);
      setSetup((setup) => ({ ...setup, data: 'own', own }));
      // Files chosen since are looked at themselves.
      const settle = (found: Partial<OwnData>) =>
        setSetup((setup) =>
          setup.own?.files === own.files ? { ...setup, own: { ...own, ...found } } : setup,
        );
      client.checkData(own.files, own.name).then(
        (check) => settle({ check }),
        (error) => settle({ error: `${asInnateError(error).describe()}.` }),
      );
    },

    takePaperFile(kind, file) {
      const give = (given: GivenFile | null) =>
        setSetup((setup) => ({ ...setup, given: { ...setup.given, [kind]: given } }));
      give(file && { file, check: null, error: null });
      if (!file) return;
      // A file chosen since is looked at itself.
      const settle = (found: Partial<GivenFile>) => {
        const now = distil.getState().setup.given[kind];
        if (now?.file === file) give({ ...now, ...found });
      };
      client.checkPaperFile(file, kind).then(
        (check) => settle({ check }),
        (error) => settle({ error: `${asInnateError(error).describe()}.` }),
      );
    },

    refuse: (refused) => distil.setState({ refused }),
  };
}

/** The settings with what follows from the models, the packs and the back-end of the moment. */
export function settledSetup({ distil, engine, catalogue, rows }: SettingsOptions['stores']): SettledSetup {
  const models = usableModels(catalogue.getState().catalogue, engine.getState().opened, rows.getState().rows);
  const { setup, packs } = distil.getState();
  return settleSetup(setup, models, packs ?? [], isFast(engine.getState()));
}

/** Distances and large batches cost moments there. */
export const isFast = ({ status }: ReturnType<Stores['engine']['getState']>): boolean =>
  status?.backend?.name === 'webgpu' && !status.backend.software;
