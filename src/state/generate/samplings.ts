import { OWN_SAMPLING, type Sampling, type ViewState } from './view';

/** How a person samples each model: a sampler that suits one ruins another. */
export class Samplings {
  private readonly byModel = new Map<string, Sampling>();

  /** What was last chosen for the model of that key; its own steps from where it starts, before anything was. */
  of(key: string): Sampling {
    return this.byModel.get(key) ?? OWN_SAMPLING;
  }

  /** Takes what the view shows as chosen for its model. */
  remember({ model, sampler, steps, sigma }: ViewState): void {
    if (model !== null) this.byModel.set(model, { sampler, steps, sigma });
  }

  forget(key: string): void {
    this.byModel.delete(key);
  }
}
