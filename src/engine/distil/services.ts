import type { DistilEvent } from '../../protocol/distil';
import type { SourceServices } from '../runs/sources';
import type { EngineServices } from '../services';

/** What a distillation takes from the worker that it runs in. */
export interface DistilServices
  extends SourceServices,
    Pick<EngineServices, 'backend' | 'recordedSteps' | 'epoch' | 'failure' | 'recover' | 'memory' | 'keep'> {
  /** Runs `task` when the back-end is free: generation goes on between the steps of a run. */
  exclusively<T>(task: () => Promise<T>): Promise<T>;
  emit(event: DistilEvent): void;
}
