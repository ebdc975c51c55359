import { createStore, type StoreApi } from 'zustand/vanilla';
import { ActivationTable, type LayerJson, type LikenessJson, type Row } from '../../lib/activations';
import { START_SIGMA } from '../../lib/sampling';
import type { InspectRequest, LookRequest, LookResult } from '../../protocol/layers';
import type { Pair } from './pair';
import { DEFAULT_LAYERS, type LayersView } from './view';

/** What was measured of a pair. It grows; `version` of the state says when it has. */
export interface Findings {
  rows: readonly Row[];
  sigmas: readonly number[];
  activeThreshold: number;
  table: ActivationTable;
  /** A few levels of a few samples, until the table has them. */
  coarse: ActivationTable;
  student: ActivationTable | null;
  weights: readonly LayerJson[] | null;
  likeness: LikenessJson | null;
  input: string;
  /** Images that were asked for; `coverage` says how many are measured. */
  samples: number;
  /** Where it was measured: 'beforehand' comes with the page. */
  source: 'beforehand' | 'here';
  /** Back-end of the measurement. */
  backend: string;
}

/** A look, and what it is a look at: while a hand drags it may be of the settings a moment ago. */
export type Picture = Extract<LookResult, { kind: 'picture' }> & { of: LookRequest };
export type Maps = Extract<LookResult, { kind: 'maps' }> & { of: LookRequest };

/** What is seen of one seed at the chosen noise level. */
export interface Looks {
  input: Picture | null;
  /** The map's network at that level. */
  denoised: Picture | null;
  /** The student, or the same network, in one step from where it starts. */
  oneStep: Picture | null;
  /** The teacher's own image of the same noise, after many steps. */
  sampled: Picture | null;
  maps: Maps | null;
  versus: Maps | null;
}

export interface LayersState {
  view: LayersView;
  pair: Pair | null;
  findings: Findings | null;
  version: number;
  looks: Looks;
  /** Looks that the view shows and that are not, or not yet, of its present settings. */
  awaited: ReadonlySet<keyof Looks>;
  /** `left`: seconds; null where they are not known yet. */
  progress: { what: string; done: number; total: number; left: number | null } | null;
  /** What failed last: the map, or a look; null = nothing. */
  error: { of: 'map' | keyof Looks; line: string } | null;
  /** Milliseconds from opening the tab, or from the request, to the first map and to the whole one; null = not yet. */
  timing: { shown: number | null; live: number | null; whole: number | null };
  /** A measurement is wanted or under way. */
  measuring: boolean;
}

export type LayersStore = StoreApi<LayersState>;

const NO_LOOKS: Looks = {
  input: null,
  denoised: null,
  oneStep: null,
  sampled: null,
  maps: null,
  versus: null,
};

export const createLayersStore = (view: LayersView = DEFAULT_LAYERS): LayersStore =>
  createStore(() => ({
    view,
    pair: null,
    findings: null,
    version: 0,
    looks: NO_LOOKS,
    awaited: new Set(),
    progress: null,
    error: null,
    timing: { shown: null, live: null, whole: null },
    measuring: false,
  }));

export function emptyFindings(
  rows: readonly Row[],
  request: InspectRequest,
  activeThreshold: number,
  backend: string,
): Findings {
  return {
    rows,
    sigmas: request.sigmas,
    activeThreshold,
    table: new ActivationTable(rows, request.sigmas),
    coarse: new ActivationTable(rows, request.sigmas),
    student: request.student ? new ActivationTable(rows, [request.studentSigma ?? START_SIGMA]) : null,
    weights: null,
    likeness: null,
    input: request.input.kind,
    samples: request.seeds.length,
    source: 'here',
    backend,
  };
}
