import { recordedSteps } from '../src/engine/distil/recorded-steps';
import type { ActiveBackend } from '../src/gpu/backends';
import type { OpenExecutor } from '../src/nn/plan/training/executor';
import { kernelThreads } from './backend';
import { startNodeThread } from './threads';

/** What executes recorded graphs on a back-end in Node; undefined where nothing does. */
export const recordedGraphs = (active: ActiveBackend): OpenExecutor | undefined =>
  recordedSteps({ backend: active, threads: kernelThreads() }, startNodeThread);
